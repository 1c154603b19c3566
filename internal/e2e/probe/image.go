package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
)

const imageName = "example.com/probe:latest"

// The media types of the OCI image specification.
const (
	indexType    = "application/vnd.oci.image.index.v1+json"
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar"
)

type object = map[string]any

// writeImage writes an OCI archive with one layer, which holds this program alone.
// (https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md)
func writeImage(file string) error {
	program, err := static("/proc/self/exe")
	if err != nil {
		return err
	}
	rootfs := newArchive()
	rootfs.add("probe", 0o755, program)
	layer, err := rootfs.close()
	if err != nil {
		return err
	}
	image := newArchive()
	config := image.blob(configType, encode(object{
		"os":           runtime.GOOS,
		"architecture": runtime.GOARCH,
		"config":       object{"Entrypoint": []string{"/probe", containerArg}},
		"rootfs":       object{"type": "layers", "diff_ids": []string{digest(layer)}},
	}))
	manifest := image.blob(manifestType, encode(object{
		"schemaVersion": 2, "mediaType": manifestType, "config": config, "layers": []object{image.blob(layerType, layer)},
	}))
	manifest["annotations"] = object{"io.containerd.image.name": imageName}
	image.add("oci-layout", 0o644, encode(object{"imageLayoutVersion": "1.0.0"}))
	image.add("index.json", 0o644, encode(object{"schemaVersion": 2, "mediaType": indexType, "manifests": []object{manifest}}))
	content, err := image.close()
	if err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o644)
}

// static reads a program that needs no other file to run.
func static(file string) ([]byte, error) {
	program, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	f, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return nil, err
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return nil, errors.New("this program needs shared libraries: build it with CGO_ENABLED=0")
		}
	}
	return program, nil
}

// archive is a tar archive in memory.
type archive struct {
	bytes bytes.Buffer
	tar   *tar.Writer
	err   error // the first
}

func newArchive() *archive {
	a := new(archive)
	a.tar = tar.NewWriter(&a.bytes)
	return a
}

func (a *archive) add(name string, mode int64, content []byte) {
	if a.err == nil {
		a.err = a.tar.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(content))})
	}
	if a.err == nil {
		_, a.err = a.tar.Write(content)
	}
}

// blob adds content under its digest and gives its descriptor.
func (a *archive) blob(mediaType string, content []byte) object {
	a.add(fmt.Sprintf("blobs/sha256/%x", sha256.Sum256(content)), 0o644, content)
	return object{"mediaType": mediaType, "digest": digest(content), "size": len(content)}
}

func (a *archive) close() ([]byte, error) {
	return a.bytes.Bytes(), errors.Join(a.err, a.tar.Close())
}

func digest(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }

// encode is for values that JSON has.
func encode(o object) []byte {
	b, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return b
}
