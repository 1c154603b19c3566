// Package ociimage packs programs of this machine into container images, since the machine may have no registry to pull
// from. An image is one layer of the files that it is given and nothing else: no shell, no users, no package manager.
package ociimage

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
)

// Image is what is packed.
type Image struct {
	Name       string            // as containerd knows it, such as "registry.example/tool:v1"
	Files      map[string]string // files of this machine by their absolute path in the image; all can be executed there
	Entrypoint []string
}

// The media types of the OCI image specification.
const (
	indexType    = "application/vnd.oci.image.index.v1+json"
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar"
)

// searched is where a program without a path is looked for in an image.
const searched = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

type object = map[string]any

// Write writes images as one OCI archive, as "ctr images import" reads it. The files are read twice and not kept in memory.
// (https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md)
func Write(w io.Writer, images ...Image) error {
	archive := tar.NewWriter(w)
	var manifests []object
	for _, image := range images {
		manifest, err := image.write(archive)
		if err != nil {
			return fmt.Errorf("pack image %s: %w", image.Name, err)
		}
		manifests = append(manifests, manifest)
	}
	if err := add(archive, "oci-layout", encode(object{"imageLayoutVersion": "1.0.0"})); err != nil {
		return err
	}
	index := encode(object{"schemaVersion": 2, "mediaType": indexType, "manifests": manifests})
	if err := add(archive, "index.json", index); err != nil {
		return err
	}
	return archive.Close()
}

// write adds what an image consists of and gives the descriptor of its manifest.
func (image Image) write(archive *tar.Writer) (object, error) {
	layer, err := image.writeLayer(archive)
	if err != nil {
		return nil, err
	}
	config, err := addBlob(archive, configType, encode(object{
		"os":           runtime.GOOS,
		"architecture": runtime.GOARCH,
		"config":       object{"Entrypoint": image.Entrypoint, "Env": []string{searched}},
		"rootfs":       object{"type": "layers", "diff_ids": []any{layer["digest"]}},
	}))
	if err != nil {
		return nil, err
	}
	manifest, err := addBlob(archive, manifestType, encode(object{
		"schemaVersion": 2, "mediaType": manifestType, "config": config, "layers": []object{layer},
	}))
	if err != nil {
		return nil, err
	}
	manifest["annotations"] = object{"io.containerd.image.name": image.Name}
	return manifest, nil
}

// writeLayer adds the layer. Its name is its digest, so that it is made once to be counted and once more to be written.
func (image Image) writeLayer(archive *tar.Writer) (object, error) {
	sum := sha256.New()
	size := new(counter)
	if err := image.pack(io.MultiWriter(sum, size)); err != nil {
		return nil, err
	}
	blob, digest := descriptor(layerType, sum.Sum(nil), int64(*size))
	header := &tar.Header{Name: blob, Mode: 0o644, Size: int64(*size)}
	if err := archive.WriteHeader(header); err != nil {
		return nil, err
	}
	return digest, image.pack(archive)
}

// pack writes the files and the folders that they are in. Equal files make equal layers.
func (image Image) pack(w io.Writer) error {
	layer := tar.NewWriter(w)
	for _, dir := range image.folders() {
		mode := int64(0o755)
		if dir == "tmp" {
			mode = 0o1777
		}
		if err := layer.WriteHeader(&tar.Header{Name: dir + "/", Mode: mode, Typeflag: tar.TypeDir}); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(image.Files)) {
		if err := packFile(layer, inside(name), image.Files[name]); err != nil {
			return err
		}
	}
	return layer.Close()
}

// folders are those of the files and those that programs expect, parents first.
func (image Image) folders() []string {
	all := map[string]bool{"etc": true, "run": true, "tmp": true, "var": true}
	for name := range image.Files {
		for dir := path.Dir(inside(name)); dir != "."; dir = path.Dir(dir) {
			all[dir] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func packFile(layer *tar.Writer, name, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := layer.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: info.Size()}); err != nil {
		return err
	}
	_, err = io.Copy(layer, f)
	return err
}

// inside is how an archive names an absolute path.
func inside(name string) string { return strings.TrimPrefix(path.Clean(name), "/") }

// addBlob adds content under its digest and gives its descriptor.
func addBlob(archive *tar.Writer, mediaType string, content []byte) (object, error) {
	sum := sha256.Sum256(content)
	name, d := descriptor(mediaType, sum[:], int64(len(content)))
	return d, add(archive, name, content)
}

func descriptor(mediaType string, sum []byte, size int64) (name string, d object) {
	return fmt.Sprintf("blobs/sha256/%x", sum), object{
		"mediaType": mediaType, "digest": fmt.Sprintf("sha256:%x", sum), "size": size,
	}
}

func add(archive *tar.Writer, name string, content []byte) error {
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := archive.Write(content)
	return err
}

// encode is for values that JSON has.
func encode(o object) []byte {
	b, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return b
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
