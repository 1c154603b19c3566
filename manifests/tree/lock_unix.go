//go:build unix

package tree

import (
	"errors"
	"os"
	"syscall"
)

// lock keeps other processes out until f is closed. The kernel drops the lock with the process.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
}
