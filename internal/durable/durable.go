// Package durable makes files and directories that are whole and on disk, or not there.
//
// What is not whole yet is a partial: it lies beside the place that it is for, under a hidden name
// that ends in .partial, and is locked by the process that makes it. A partial without such a process
// was left by one that was killed, and goes.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const suffix = ".partial"

// attempts bounds how often a partial is begun anew because another process took it for abandoned in the
// moment before its lock.
const attempts = 100

// CreateFile makes an empty partial file of mode 0600 for path, once those that are abandoned are
// gone. The caller renames or removes it, and closes it last: with it goes the lock.
func CreateFile(path string) (*os.File, error) {
	return create(path, func(dir, pattern string) (*os.File, error) { return os.CreateTemp(dir, pattern) })
}

// CreateDir does so with a directory of mode 0700, which has the name of the result.
func CreateDir(path string) (*os.File, error) {
	return create(path, func(dir, pattern string) (*os.File, error) {
		name, err := os.MkdirTemp(dir, pattern)
		if err != nil {
			return nil, err
		}
		return os.Open(name)
	})
}

func create(path string, make func(dir, pattern string) (*os.File, error)) (*os.File, error) {
	if err := Sweep(path); err != nil {
		return nil, err
	}
	for range attempts {
		f, err := make(filepath.Dir(path), "."+filepath.Base(path)+".*"+suffix)
		if err != nil {
			return nil, err
		}
		locked, err := lock(f)
		if locked {
			if _, err = os.Lstat(f.Name()); err == nil {
				return f, nil
			}
		}
		f.Close()
		if rerr := os.RemoveAll(f.Name()); rerr != nil {
			return nil, rerr
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
	}
	return nil, fmt.Errorf("others are at work on %s: wait for them", path)
}

// Sweep removes the partials of path whose processes are gone, which are beside it.
func Sweep(path string) error {
	dir := filepath.Dir(path)
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		if !isFor(path, e.Name()) {
			continue
		}
		if err := removeUnlocked(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("remove what a killed process left: %w", err)
		}
	}
	return nil
}

// isFor reports whether name is that of a partial of path, and not of some longer path.
func isFor(path, name string) bool {
	random, ok := strings.CutPrefix(name, "."+filepath.Base(path)+".")
	if !ok {
		return false
	}
	random, ok = strings.CutSuffix(random, suffix)
	return ok && strings.Trim(random, "0123456789") == ""
}
