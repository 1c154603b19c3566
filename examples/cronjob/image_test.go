package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"debug/elf"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// hello is an order for both platforms that is quickly built.
func hello(t *testing.T, file string) order {
	t.Helper()
	o, err := parse([]string{"--to", file, "--tag", "registry.example.org/hello:v2"})
	if err != nil {
		t.Fatal(err)
	}
	o.program = "github.com/clustersnap/clustersnap/examples/cronjob/testdata/hello"
	return o
}

func TestSameBytesTwice(t *testing.T) {
	first := filepath.Join(t.TempDir(), "image.tar")
	digest, err := hello(t, first).fill(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Somebody else's settings, and another directory.
	for name, value := range map[string]string{
		"GOFLAGS": "-tags=other", "GOARCH": "riscv64", "GOAMD64": "v3", "CGO_ENABLED": "1", "TZ": "Asia/Tokyo", "TMPDIR": t.TempDir(),
	} {
		t.Setenv(name, value)
	}
	second := filepath.Join(t.TempDir(), "image.tar")
	again, err := hello(t, second).fill(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a, b := read(t, first), read(t, second)
	if digest != again || !bytes.Equal(a, b) {
		t.Errorf("the archives differ, of the images %s and %s", digest, again)
	}
	want := fmt.Sprintf("%x  image.tar\n", sha256.Sum256(a))
	if got := string(read(t, first+".sha256")); got != want {
		t.Errorf("the file with the checksum is %q, want %q", got, want)
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) > 0 {
		t.Errorf("left in the temporary directory: %v, %v", left, err)
	}
}

func TestImage(t *testing.T) {
	t.Setenv("CGO_ENABLED", "1") // not static, if it counted
	file := filepath.Join(t.TempDir(), "image.tar")
	digest, err := hello(t, file).fill(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tree := t.TempDir()
	unpack(t, bytes.NewReader(read(t, file)), tree)
	top, err := layout.ImageIndexFromPath(tree)
	if err != nil {
		t.Fatal(err)
	}
	list, err := top.IndexManifest()
	if err != nil || len(list.Manifests) != 1 {
		t.Fatalf("index.json names %+v, %v", list, err)
	}
	named := list.Manifests[0]
	if named.Digest != digest || named.Annotations["io.containerd.image.name"] != "registry.example.org/hello:v2" ||
		named.Annotations["org.opencontainers.image.ref.name"] != "v2" {
		t.Errorf("index.json names %s by %v", named.Digest, named.Annotations)
	}
	index, err := top.ImageIndex(digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Errorf("the blobs are not what their descriptors say: %v", err)
	}
	images, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	for _, d := range images.Manifests {
		if d.Platform == nil || d.Platform.OS != "linux" || machines[d.Platform.Architecture] == 0 {
			t.Errorf("an image is for %v", d.Platform)
			continue
		}
		image, err := index.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		checkImage(t, image, d.Platform.Architecture, machines[d.Platform.Architecture])
		delete(machines, d.Platform.Architecture)
	}
	for arch := range machines {
		t.Errorf("no image is for %s", arch)
	}
}

func checkImage(t *testing.T, image v1.Image, arch string, machine elf.Machine) {
	t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.OS != "linux" || config.Architecture != arch || config.Config.User != "65532:65532" ||
		!slices.Equal(config.Config.Entrypoint, []string{"/usr/local/bin/clustersnap"}) || config.Config.Cmd != nil ||
		!slices.Equal(config.Config.Env, []string{"PATH=/usr/local/bin"}) || !config.Created.IsZero() {
		t.Errorf("the configuration of %s is %+v", arch, config)
	}
	layers, err := image.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers of %s: %v", len(layers), arch, err)
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	root := t.TempDir()
	unpack(t, content, root)
	program, err := elf.Open(filepath.Join(root, programPath))
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	if program.Machine != machine {
		t.Errorf("the program for %s is for %v", arch, program.Machine)
	}
	if slices.ContainsFunc(program.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC }) {
		t.Errorf("the program for %s is not static", arch)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(read(t, filepath.Join(root, programPath)), []byte(here)) {
		t.Errorf("the program for %s says where it was built", arch)
	}
	if info, err := os.Stat(filepath.Join(root, "tmp")); err != nil || info.Mode() != fs.ModeDir|fs.ModeSticky|0o777 {
		t.Errorf("/tmp of %s: %v, %v", arch, info, err)
	}
}

func TestRootCertificates(t *testing.T) {
	n, rest := 0, rootCertificates()
	for len(rest) > 0 {
		block, after := pem.Decode(rest)
		if block == nil {
			t.Fatalf("%d bytes after %d certificates are none", len(rest), n)
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			t.Error(err)
		}
		n, rest = n+1, after
	}
	if n < 100 {
		t.Errorf("%d certificates, want those of Mozilla", n)
	}
}

func TestNothingIsLeftOfWhatFails(t *testing.T) {
	dir := t.TempDir()
	o := hello(t, filepath.Join(dir, "image.tar"))
	o.program = "github.com/clustersnap/clustersnap/examples/cronjob/testdata/none"
	if _, err := o.fill(t.Context()); err == nil || !strings.Contains(err.Error(), "testdata/none for linux/amd64") {
		t.Errorf("got %v, want what was not built", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestCommandLine(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"help":           {[]string{"--help"}, 0, "OCI archive"},
		"nothing":        {nil, 2, "--to FILE"},
		"a word":         {[]string{"--to", "x", "y"}, 2, "nothing but flags"},
		"unknown flag":   {[]string{"--push"}, 2, "push"},
		"no tag":         {[]string{"--to", "x", "--tag", "example.org/a"}, 2, "want REGISTRY/NAME:TAG"},
		"other platform": {[]string{"--to", "x", "--platform", "linux/s390x"}, 2, "want linux/amd64"},
		"twice the same": {[]string{"--to", "x", "--platform", "linux/amd64,linux/amd64"}, 2, "want linux/amd64"},
		"no directory":   {[]string{"--to", filepath.Join(t.TempDir(), "none", "x")}, 1, "no such file"},
	} {
		var stdout, stderr strings.Builder
		code := run(t.Context(), c.args, &stdout, &stderr)
		if out := stdout.String() + stderr.String(); code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("%s: exit %d, want %d and %q:\n%s", name, code, c.code, c.says, out)
		}
	}
	for line := range strings.Lines(usage) {
		if len(line) > 80 {
			t.Errorf("a line of the help has %d characters: %s", len(line)-1, line)
		}
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// unpack writes the files of an archive below dir, and holds that it names no time and no owner.
func unpack(t *testing.T, from io.Reader, dir string) {
	t.Helper()
	for r := tar.NewReader(from); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil || !filepath.IsLocal(h.Name) {
			t.Fatalf("%+v: %v", h, err)
		}
		if h.ModTime.Unix() != 0 || h.Uid != 0 || h.Gid != 0 || h.Uname != "" {
			t.Errorf("%s is of %v and of %d:%d", h.Name, h.ModTime, h.Uid, h.Gid)
		}
		file := filepath.Join(dir, h.Name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeDir {
			err = errors.Join(os.MkdirAll(file, 0o755), os.Chmod(file, h.FileInfo().Mode().Perm()|h.FileInfo().Mode()&fs.ModeSticky))
		} else {
			var content []byte
			if content, err = io.ReadAll(r); err == nil {
				err = os.WriteFile(file, content, 0o644)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
