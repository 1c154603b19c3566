package ociimage

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// entries reads an archive.
func entries(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if all[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

// at reads what a descriptor names, and holds it against that.
func at(t *testing.T, all map[string][]byte, d map[string]any) []byte {
	t.Helper()
	digest, _ := d["digest"].(string)
	name := "blobs/" + strings.Replace(digest, ":", "/", 1)
	content, ok := all[name]
	if size := int(d["size"].(float64)); !ok || size != len(content) || digest != fmt.Sprintf("sha256:%x", sha256.Sum256(content)) {
		t.Fatalf("%s is there: %t, of %d bytes, and described by %v", name, ok, len(content), d)
	}
	return content
}

func parse(t *testing.T, content []byte) (o struct {
	Manifests, Layers []map[string]any
	Config            map[string]any
	RootFS            struct {
		DiffIDs []string `json:"diff_ids"`
	}
}) {
	t.Helper()
	if err := json.Unmarshal(content, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestImagesAreWhatTheirDescriptorsSay(t *testing.T) {
	file := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(file, []byte("text of a program"), 0o600); err != nil {
		t.Fatal(err)
	}
	images := []Image{
		{Name: "example.com/a:v1", Files: map[string]string{"/usr/bin/a": file, "/b": file}, Entrypoint: []string{"a", "run"}},
		{Name: "example.com/none:v1"},
	}
	var archive, again bytes.Buffer
	if err := errors.Join(Write(&archive, images...), Write(&again, images...)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(archive.Bytes(), again.Bytes()) {
		t.Error("equal images make different archives")
	}
	all := entries(t, archive.Bytes())
	index := parse(t, all["index.json"])
	if len(index.Manifests) != len(images) {
		t.Fatalf("%d manifests, want %d", len(index.Manifests), len(images))
	}
	for i, image := range images {
		if got := index.Manifests[i]["annotations"].(map[string]any)["io.containerd.image.name"]; got != image.Name {
			t.Errorf("image %d is called %v, want %s", i, got, image.Name)
		}
		manifest := parse(t, at(t, all, index.Manifests[i]))
		layer := at(t, all, manifest.Layers[0])
		config := at(t, all, manifest.Config)
		if ids := parse(t, config).RootFS.DiffIDs; !slices.Equal(ids, []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer))}) {
			t.Errorf("the config of %s names the layers %v", image.Name, ids)
		}
		for _, arg := range image.Entrypoint {
			if !bytes.Contains(config, []byte(`"`+arg+`"`)) {
				t.Errorf("the config of %s has no %q: %s", image.Name, arg, config)
			}
		}
		files := entries(t, layer)
		for name := range image.Files {
			if got := string(files[strings.TrimPrefix(name, "/")]); got != "text of a program" {
				t.Errorf("%s of %s is %q", name, image.Name, got)
			}
		}
		if _, ok := files["tmp/"]; !ok {
			t.Errorf("%s has no /tmp", image.Name)
		}
	}
}

func TestMissingFileIsAnError(t *testing.T) {
	err := Write(io.Discard, Image{Name: "example.com/a:v1", Files: map[string]string{"/a": filepath.Join(t.TempDir(), "none")}})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "example.com/a:v1") {
		t.Errorf("the error is %v, want one that names the image", err)
	}
}
