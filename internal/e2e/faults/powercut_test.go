package faults

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A cut leaves what was synced, and under its old name what was renamed since.
func TestPowerCut(t *testing.T) {
	dir := Btrfs(t, "128m")
	sync := func(name string) error {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	}
	for _, name := range []string{"synced", "before", "lost"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		if name == "lost" {
			continue
		}
		if err := errors.Join(sync(filepath.Join(dir, name)), sync(dir)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(filepath.Join(dir, "before"), filepath.Join(dir, "behind")); err != nil {
		t.Fatal(err)
	}
	PowerCut(t, dir)
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	if want := []string{"before", "synced"}; !slices.Equal(names, want) {
		t.Errorf("there are %q, want %q", names, want)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "synced")); err != nil || string(b) != "synced" {
		t.Errorf("what was synced is %q, %v", b, err)
	}
}
