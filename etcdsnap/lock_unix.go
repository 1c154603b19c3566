//go:build unix

package etcdsnap

import (
	"errors"
	"os"
	"syscall"
)

// lockShared takes bbolt's lock for readers, which goes with f, and reports whether it was free: a running etcd
// has it for itself (bbolt's bolt_unix.go).
func lockShared(f *os.File) (free bool, err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
