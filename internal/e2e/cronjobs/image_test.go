package cronjobs

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// image assembles the image for this machine, and gives a directory with its files.
func (s *scene) image() (root string) {
	s.Helper()
	dir := s.TempDir()
	archive := filepath.Join(dir, "image.tar")
	platform := "linux/" + runtime.GOARCH
	cmd := exec.Command("go", "run", "-C", "../../../examples", "./cronjob", "--to", archive, "--platform", platform)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.Fatalf("assemble image: %v\n%s", err, out)
	}
	check := exec.Command("sha256sum", "--check", archive+".sha256")
	check.Dir = dir
	if out, err := check.CombinedOutput(); err != nil {
		s.Errorf("sha256sum: %v\n%s", err, out)
	}
	f, err := os.Open(archive)
	must(s, err)
	defer f.Close()
	layout := filepath.Join(dir, "layout")
	s.unpack(f, layout)
	type descriptors struct {
		Manifests, Layers []struct{ Digest string }
	}
	read := func(file string) (d descriptors) {
		text, err := os.ReadFile(file)
		must(s, err)
		must(s, json.Unmarshal(text, &d))
		return d
	}
	blob := func(digest string) string {
		return filepath.Join(layout, "blobs", strings.Replace(digest, ":", "/", 1))
	}
	index := read(blob(read(filepath.Join(layout, "index.json")).Manifests[0].Digest))
	layer, err := os.Open(blob(read(blob(index.Manifests[0].Digest)).Layers[0].Digest))
	must(s, err)
	defer layer.Close()
	files, err := gzip.NewReader(layer)
	must(s, err)
	root = filepath.Join(dir, "root")
	s.unpack(files, root)
	return root
}

func (s *scene) unpack(from io.Reader, dir string) {
	s.Helper()
	for r := tar.NewReader(from); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		must(s, err)
		file := filepath.Join(dir, h.Name)
		if h.Typeflag == tar.TypeDir {
			must(s, os.MkdirAll(file, 0o755))
			continue
		}
		must(s, os.MkdirAll(filepath.Dir(file), 0o755))
		content, err := io.ReadAll(r)
		must(s, err)
		must(s, os.WriteFile(file, content, h.FileInfo().Mode().Perm()))
	}
}
