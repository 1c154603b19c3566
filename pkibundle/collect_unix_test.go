//go:build linux || darwin

package pkibundle_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/clustersnap/clustersnap/pkibundle"
	"testing/fstest"
)

func TestCollectKeepsOwners(t *testing.T) {
	b, err := collect(fstest.MapFS{
		"etc/a": {Sys: &syscall.Stat_t{Uid: 65534, Gid: 42}},
		"etc/b": {Data: []byte("a"), Mode: link("").Mode, Sys: &syscall.Stat_t{Uid: 7, Gid: 8}},
		"etc/c": {},
	}, []string{"etc"})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][2]int{{65534, 42}, {7, 8}, {0, 0}} {
		if f := b.Files[i]; f.Owner.UID != want[0] || f.Owner.GID != want[1] {
			t.Errorf("%s belongs to %d:%d, want %v", f.Path, f.Owner.UID, f.Owner.GID, want)
		}
	}
}

// Opening a FIFO would wait for a writer that never comes.
func TestCollectDoesNotOpenFIFO(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := collect(os.DirFS(dir), []string{"."})
	if err == nil || !strings.HasPrefix(err.Error(), "collect pipe: prw------- is neither file") {
		t.Errorf("error %v", err)
	}
}

// A tree written from an opened bundle must be collected as the same bundle,
// links included. The tree is not at /, so absolute links prove the rooting.
func TestRestoredTreeIsTheSame(t *testing.T) {
	old := t.TempDir()
	for _, dir := range []string{"etc/kubernetes/ssl/etcd", "var/lib/kubelet/pki"} {
		must(t, os.MkdirAll(filepath.Join(old, dir), 0o755))
	}
	for path, mode := range map[string]os.FileMode{
		"etc/kubernetes/ssl/ca.key": 0o600, "etc/kubernetes/ssl/etcd/ca.crt": 0o644, "var/lib/kubelet/pki/2026.pem": 0o640,
	} {
		must(t, os.WriteFile(filepath.Join(old, path), []byte("contents of "+path), 0o600))
		must(t, os.Chmod(filepath.Join(old, path), mode))
	}
	must(t, os.Chmod(filepath.Join(old, "etc/kubernetes/ssl/etcd"), 0o750))
	must(t, os.Symlink("/etc/kubernetes/ssl", filepath.Join(old, "etc/kubernetes/pki")))
	must(t, os.Symlink("/var/lib/kubelet/pki/2026.pem", filepath.Join(old, "var/lib/kubelet/pki/current.pem")))

	paths := []string{"etc/kubernetes/pki", "var/lib/kubelet/pki/current.pem"}
	b, err := collect(os.DirFS(old), paths)
	must(t, err)
	id := newHybrid(t)
	sealed, m := seal(t, b, id.Recipient())
	opened, _, err := openWith(bytes.NewReader(sealed), id)
	must(t, err)

	parent, err := os.OpenRoot(t.TempDir())
	must(t, err)
	defer parent.Close()
	must(t, pkibundle.Extract(parent, "restored", opened, pkibundle.ExtractOptions{}))
	restored := filepath.Join(parent.Name(), "restored")
	again, err := collect(os.DirFS(restored), paths)
	must(t, err)
	if !equalFiles(again.Files, b.Files) || len(b.Files) != 5 {
		t.Errorf("restored tree gives\n%v\nthe old one\n%v", again.Files, b.Files)
	}
	if _, m2 := seal(t, again, id.Recipient()); m2.Digest() != m.Digest() {
		t.Error("digest of the restored tree differs")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
