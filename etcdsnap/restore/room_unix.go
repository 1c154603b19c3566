//go:build linux || darwin

package restore

import (
	"fmt"
	"syscall"
)

// checkRoom says early and clearly what would otherwise end in the middle of etcd's code.
func checkRoom(path string, need int64) error {
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil {
		return fmt.Errorf("look for free space at %s: %w", path, err)
	}
	free := int64(st.Bavail) * int64(st.Bsize)
	if free < need {
		return fmt.Errorf("%w: %d MiB are free and %d MiB are needed: make room, or restore to another disk", syscall.ENOSPC, free>>20, need>>20)
	}
	return nil
}
