//go:build unix

package durable_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/clustersnap/clustersnap/internal/durable"
)

// What a killed process left goes with the next partial of the same path, and nothing else does.
func TestAbandonedAreRemoved(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "set")
	keep := []string{".set.1.tar.456.partial", ".other.7.partial", "set.8.partial", ".set.x.partial"}
	for _, name := range append([]string{".set.123.partial"}, keep...) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, ".set.9.partial", "member", "snap"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, filepath.Join(dir, ".set.10.partial")); err != nil {
		t.Fatal(err)
	}
	keep = append(keep, ".set.10.partial")

	file, err := durable.CreateFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	directory, err := durable.CreateDir(path)
	if err != nil {
		t.Fatal(err)
	}
	defer directory.Close()
	keep = append(keep, filepath.Base(file.Name()), filepath.Base(directory.Name()))

	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	left := map[string]bool{}
	for _, e := range list {
		left[e.Name()] = true
	}
	for _, name := range keep {
		if !left[name] {
			t.Errorf("%s is gone", name)
		}
		delete(left, name)
	}
	for name := range left {
		t.Errorf("%s is left", name)
	}
}

// Many at once for one path: each gets a partial of its own that stays.
func TestManyAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "set")
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 100 {
				f, err := durable.CreateFile(path)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := os.Lstat(f.Name()); err != nil {
					t.Error(err)
				}
				os.Remove(f.Name())
				f.Close()
			}
		})
	}
	wait.Wait()
}

func TestModes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "set")
	for want, create := range map[os.FileMode]func(string) (*os.File, error){
		0o600: durable.CreateFile,
		0o700: durable.CreateDir,
	} {
		f, err := create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		info, err := os.Lstat(f.Name())
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v, want %v", f.Name(), info.Mode(), err, want)
		}
	}
}
