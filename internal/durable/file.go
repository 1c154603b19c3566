package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// writebackSize is how many bytes are written before the kernel is asked to put them on disk. 1.5 GiB to an ext4
// that takes 3 GB/s leave fsync 3 ms, and 430 ms without; four times as many at once leave it 10 ms.
const writebackSize = 8 << 20

// File is a file in the making: it has no name that anyone would look for until
// [File.Commit], and none at all after [File.Close] without it.
type File struct {
	f    *os.File
	path string
	done bool
	err  error // the first failed write: it stays until Restart

	size  int64 // bytes written
	begun int64 // of them, those that the kernel was asked to put on disk
}

// Create begins the file path, which must not exist, in mode 0600. Until it is committed its
// bytes lie beside it in a partial. The caller closes the file, also after an error and also after
// Commit.
func Create(path string) (*File, error) {
	path = filepath.Clean(path)
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("create %s: %w, and nothing is overwritten: give another name", path, fs.ErrExist)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("create file: %w", err)
	}
	f, err := CreateFile(path)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	return &File{f: f, path: path}, nil
}

// Write writes to the file. After an error the file can't be committed any more, but for Restart.
func (f *File) Write(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	n, err := f.f.Write(p)
	f.err = err
	f.size += int64(n)
	if f.size-f.begun >= writebackSize {
		startWriteback(f.f, f.begun, f.size-f.begun)
		f.begun = f.size
	}
	return n, err
}

// ReadAt reads what has been written, until the file is committed or closed.
func (f *File) ReadAt(p []byte, off int64) (int, error) { return f.f.ReadAt(p, off) }

// Size says how many bytes have been written since the beginning, or since Restart.
func (f *File) Size() int64 { return f.size }

// Restart empties the file, for a second try from another source. An error of an earlier Write is
// forgotten.
func (f *File) Restart() error {
	if f.done {
		return fmt.Errorf("restart %s: %w", f.path, fs.ErrClosed)
	}
	f.size, f.begun = 0, 0
	f.err = f.f.Truncate(0)
	if f.err == nil {
		_, f.err = f.f.Seek(0, io.SeekStart)
	}
	if f.err != nil {
		return fmt.Errorf("restart %s: %w", f.path, f.err)
	}
	return nil
}

// Commit makes the file durable and gives it its name: fsync of the file, link, fsync of
// the directory. It never replaces a file that has appeared meanwhile. After an error
// there is no file.
func (f *File) Commit() error {
	if f.done {
		return fmt.Errorf("commit %s: %w", f.path, fs.ErrClosed)
	}
	err := f.err
	if err == nil {
		err = f.f.Sync()
	}
	if runtime.GOOS == "windows" {
		err = errors.Join(err, f.f.Close()) // an open file can't be renamed there
	}
	if err == nil {
		err = f.publish()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("commit %s: %w", f.path, err), f.Close())
	}
	f.done = true
	if err := f.f.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return fmt.Errorf("commit %s: %w", f.path, err)
	}
	return nil
}

// publish links rather than renames, since a link never replaces. Where the file
// system has no links (FAT), a check and a rename must do.
func (f *File) publish() error {
	err := os.Link(f.f.Name(), f.path)
	if err == nil {
		err = os.Remove(f.f.Name())
	} else if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("somebody else has made it meanwhile: %w", fs.ErrExist)
	} else if _, serr := os.Lstat(f.path); serr == nil {
		return fmt.Errorf("somebody else has made it meanwhile: %w", fs.ErrExist)
	} else if err = os.Rename(f.f.Name(), f.path); err != nil {
		return err
	}
	if err == nil {
		err = Sync(filepath.Dir(f.path))
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.path))
	}
	return err
}

// Close removes the file unless it was committed. A second Close does nothing.
func (f *File) Close() error {
	if f.done {
		return nil
	}
	f.done = true
	err := f.f.Close()
	if errors.Is(err, fs.ErrClosed) {
		err = nil
	}
	if rerr := os.Remove(f.f.Name()); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
		err = errors.Join(err, rerr)
	}
	return err
}
