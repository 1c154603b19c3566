//go:build unix

package durable

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Lock reports whether f is this process's now. The kernel drops the lock with the process.
func Lock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// removeUnlocked removes what has no living process. What another user has left stays, as does
// whatever is neither file nor directory.
func removeUnlocked(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	mode := os.O_RDWR // NFS wants it of a file to be locked
	if info.IsDir() {
		mode = os.O_RDONLY
	} else if !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.OpenFile(path, mode|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if locked, err := Lock(f); !locked {
		return err
	}
	return os.RemoveAll(path)
}

// Sync waits until a file, or the names in a directory, are on disk.
func Sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// SyncDir waits until the names in a directory of root are on disk.
func SyncDir(root *os.Root, name string) error {
	dir, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Discard removes a partial with all that is in it, and closes it.
func Discard(f *os.File) error {
	return errors.Join(os.RemoveAll(f.Name()), f.Close()) // in this order: nobody else removes what is locked
}
