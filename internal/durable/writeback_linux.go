//go:build !arm

package durable

import (
	"os"
	"syscall"
)

// startWriteback has the kernel begin to put n bytes at off on disk, so that little is left for fsync, which
// alone decides: some file systems can't, and that is no error. It waits for none of them. To wait would also
// take away the error of a failed one, which fsync is to report.
func startWriteback(f *os.File, off, n int64) {
	const write = 2 // SYNC_FILE_RANGE_WRITE
	_ = syscall.SyncFileRange(int(f.Fd()), off, n, write)
}
