//go:build linux || darwin

package restore

import (
	"fmt"
	"syscall"
)

// checkRoom looks whether a file system has room for so many bytes.
func checkRoom(dir string, need int64) error {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return fmt.Errorf("look for free space at %s: %w", dir, err)
	}
	if free := int64(st.Bavail) * int64(st.Bsize); free < need {
		return fmt.Errorf("%w at %s: %d MiB are free and %d MiB are needed: make room", syscall.ENOSPC, dir, free>>20, need>>20)
	}
	return nil
}
