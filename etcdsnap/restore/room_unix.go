//go:build linux || darwin

package restore

import (
	"fmt"
	"syscall"
)

// walFiles is what etcd allocates for the log of a new member: two segments of 64 MiB; and
// something for the pages that the restore itself writes.
const walFiles = 2*64<<20 + 16<<20

// checkRoom says early and clearly what would otherwise end in the middle of etcd's code.
func checkRoom(dir string, snapshotSize int64) error {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return fmt.Errorf("look for free space in %s: %w", dir, err)
	}
	free, need := int64(st.Bavail)*int64(st.Bsize), snapshotSize+walFiles
	if free < need {
		return fmt.Errorf("%w: %d MiB are free and %d MiB are needed: make room, or restore to another disk", syscall.ENOSPC, free>>20, need>>20)
	}
	return nil
}
