//go:build amd64 || arm64

package durable

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"
)

// SyncFS waits until all that was written to the file system that f is on is on disk. One flush of the disk does for
// any number of files, where [os.File.Sync] takes one for each.
//
// The error wraps [errors.ErrUnsupported] where that would be no promise: a kernel before 5.8 does not tell of a
// write that failed, and a file system of the network or of a program may not pass the wish on.
func SyncFS(f *os.File) error {
	var fs syscall.Statfs_t
	if err := syscall.Fstatfs(int(f.Fd()), &fs); err != nil {
		return fmt.Errorf("sync file system of %s: %w", f.Name(), err)
	}
	if !slices.Contains(localKinds, int64(fs.Type)) || !tellsErrors() {
		return fmt.Errorf("sync file system of %s: %w", f.Name(), errors.ErrUnsupported)
	}
	number := uintptr(267) // package syscall does not know this call on amd64
	if runtime.GOARCH == "amd64" {
		number = 306
	}
	if _, _, errno := syscall.Syscall(number, f.Fd(), 0, 0); errno != 0 {
		return fmt.Errorf("sync file system of %s: %w", f.Name(), errno)
	}
	return nil
}

// localKinds are the file systems that put it on disk, from linux/magic.h: ext4, XFS, btrfs, overlayfs, which asks the
// one below, and tmpfs, which has none.
var localKinds = []int64{0xef53, 0x58465342, 0x9123683e, 0x794c7630, 0x01021994}

func tellsErrors() bool {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	var major, minor int
	if err == nil {
		_, err = fmt.Sscanf(string(release), "%d.%d", &major, &minor)
	}
	return err == nil && (major > 5 || major == 5 && minor >= 8)
}
