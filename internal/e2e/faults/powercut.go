package faults

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// PowerCut takes away from a directory of [Btrfs] what is not on its disk yet, as if the machine had lost its power at this
// moment: what was not synced is not there any more, and a name neither whose directory was not. Nobody may have a file open
// there.
func PowerCut(t testing.TB, dir string) {
	t.Helper()
	after := filepath.Join(t.TempDir(), "btrfs")
	image, err := imageOf(dir)
	if err != nil {
		t.Fatalf("cut the power of %s: %v", dir, err)
	}
	// The kernel has in the image what it has given to the disk.
	if out, err := exec.Command("cp", "--sparse=always", image, after).CombinedOutput(); err != nil {
		t.Fatalf("copy the disk of %s: %v\n%s", dir, err, out)
	}
	if err := unix.Unmount(dir, 0); err != nil {
		t.Fatalf("unmount %s: %v", dir, err)
	}
	if err := mountImage(after, dir, "btrfs"); err != nil {
		t.Fatalf("mount %s again: %v", dir, err)
	}
}

// imageOf is the file that the loop device shows which is mounted at dir.
func imageOf(dir string) (string, error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); f[1] == dir {
			image, err := os.ReadFile(filepath.Join("/sys/block", filepath.Base(f[0]), "loop/backing_file"))
			return strings.TrimSpace(string(image)), err
		}
	}
	return "", errors.New("nothing is mounted there: take one of Btrfs")
}
