package rootfs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/clustersnap/clustersnap/internal/rootfs"
)

var _ interface {
	fs.StatFS
	fs.ReadDirFS
	fs.ReadLinkFS
} = (*rootfs.FS)(nil)

// write makes a file and the directories above it.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPlainTree(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "etc/hostname", "node-1\n")
	write(t, dir, "etc/kubernetes/manifests/etcd.yaml", "kind: Pod\n")
	if err := fstest.TestFS(rootfs.New(dir), "etc/hostname", "etc/kubernetes/manifests/etcd.yaml"); err != nil {
		t.Error(err)
	}
}

func TestErrorsNameTheFileAskedFor(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "etc/hostname", "node-1\n")
	fsys := rootfs.New(dir)
	for _, tt := range []struct {
		name string
		want error
	}{
		{"", fs.ErrInvalid},
		{"/etc/hostname", fs.ErrInvalid},
		{"../etc/hostname", fs.ErrInvalid},
		{"etc/../etc/hostname", fs.ErrInvalid},
		{"etc/host\x00name", fs.ErrInvalid},
		{"etc/missing", fs.ErrNotExist},
		{"missing/hostname", fs.ErrNotExist},
	} {
		calls := map[string]error{}
		_, calls["open"] = fsys.Open(tt.name)
		_, calls["stat"] = fsys.Stat(tt.name)
		_, calls["lstat"] = fsys.Lstat(tt.name)
		_, calls["readdir"] = fsys.ReadDir(tt.name)
		_, calls["readlink"] = fsys.ReadLink(tt.name)
		for op, err := range calls {
			var pathErr *fs.PathError
			if !errors.Is(err, tt.want) || !errors.As(err, &pathErr) || pathErr.Op != op || pathErr.Path != tt.name {
				t.Errorf("%s %q: %v, want a PathError of this name that is %v", op, tt.name, err, tt.want)
			}
		}
	}
}

func TestMissingTree(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "host")
	_, err := rootfs.New(missing).Open("etc/hostname")
	var outer, inner *fs.PathError
	if !errors.As(err, &outer) || !errors.As(outer.Err, &inner) || inner.Path != missing || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open in a missing tree: %v, want ErrNotExist naming %s", err, missing)
	}
}
