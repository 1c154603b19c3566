//go:build !unix

package durable

import (
	"errors"
	"os"
)

// Lock has nothing to do: what is open can't be removed on Windows.
func Lock(*os.File) (bool, error) { return true, nil }

// removeUnlocked removes a file, or fails while its process lives, which is what it is for. A
// directory stays: that it is open does not keep what is in it.
func removeUnlocked(path string) error {
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
		_ = os.Remove(path)
	}
	return nil
}

// Sync waits until a file is on disk. Windows can't do that for a directory.
func Sync(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// SyncDir does nothing: Windows can't do that for a directory.
func SyncDir(*os.Root, string) error { return nil }

// Discard closes a partial, and removes it with all that is in it.
func Discard(f *os.File) error {
	return errors.Join(f.Close(), os.RemoveAll(f.Name())) // in this order: what is open can't be removed
}
