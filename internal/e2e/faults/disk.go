package faults

import (
	"syscall"
	"testing"
)

// SmallDisk gives an empty directory on a file system of its own that is full after size, as tmpfs spells it
// ("64k", "32m"). The test unmounts it, and fails if something has still a file open there. It needs root.
func SmallDisk(t testing.TB, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatalf("mount a tmpfs of %s (as root): %v", size, err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}
