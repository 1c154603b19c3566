//go:build unix

package clustersnap_test

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFileIsPrivateFromBirth(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "set")
	f := create(t, path)
	mode := func(path string) os.FileMode {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	if got := mode(filepath.Join(dir, names(t, dir)[0])); got != 0o600 {
		t.Errorf("mode before Commit is %o", got)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := mode(path); got != 0o600 {
		t.Errorf("mode after Commit is %o", got)
	}
}
