package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// target is a file to write, opened before the work that it is for: a folder that is not there is told in time.
type target struct {
	name    string
	partial *os.File // beside a regular file, which it replaces whole
	stream  *os.File // standard output or error
}

// openTarget takes - for standard output. It follows links, and what is no regular file, such as a FIFO, it leaves there.
func openTarget(name string) (*target, error) {
	if name == "-" {
		return &target{stream: os.Stdout}, nil
	}
	info, err := os.Stat(name)
	if err == nil {
		for _, f := range []*os.File{os.Stdout, os.Stderr} { // as /dev/stdout, wherever that goes
			if open, err := f.Stat(); err == nil && os.SameFile(info, open) {
				return &target{stream: f}, nil
			}
		}
		switch {
		case info.IsDir():
			return nil, fmt.Errorf("%s is a folder", name)
		case !info.Mode().IsRegular():
			return &target{name: name}, nil
		}
		if name, err = filepath.EvalSymlinks(name); err != nil {
			return nil, err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	} else if _, err := os.Lstat(name); err == nil {
		return nil, fmt.Errorf("%s is a link to nothing", name)
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*.partial")
	if err != nil {
		return nil, err
	}
	return &target{name: name, partial: f}, nil
}

// write fills a regular file whole or not at all.
func (t *target) write(fill func(io.Writer) error) error {
	if t.stream != nil {
		return fill(t.stream)
	}
	if t.partial == nil {
		f, err := os.OpenFile(t.name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(fill(f), f.Close())
	}
	if err := errors.Join(fill(t.partial), t.partial.Sync(), t.partial.Close()); err != nil {
		return err
	}
	return os.Rename(t.partial.Name(), t.name)
}

// done removes what was not written to the end.
func (t *target) done() {
	if t.partial != nil {
		_ = t.partial.Close() // already, if it was written
		_ = os.Remove(t.partial.Name())
	}
}
