package rootfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// ErrNotRegular is why a pipe, a socket or a device cannot be opened: reading
// it could block for ever or act on hardware.
var ErrNotRegular = errors.New("not a regular file or directory")

// FS is the file system of a tree seen as "/". Besides [fs.FS] it implements
// [fs.StatFS], [fs.ReadDirFS] and [fs.ReadLinkFS]. Every error
// is a *[fs.PathError]. It keeps nothing open, so there is nothing to close, and
// any number of goroutines may use it.
type FS struct{ dir string }

// New returns the file system of the tree at dir, which may be "/" itself. dir
// is looked up at each call: a missing one is an error of that call.
func New(dir string) *FS { return &FS{dir: dir} }

// Open opens a regular file or a directory; anything else is [ErrNotRegular].
func (f *FS) Open(name string) (fs.File, error) {
	file, err := f.open("open", name)
	if err != nil {
		return nil, err
	}
	return file, nil
}

// Stat describes the file that name leads to, links followed. Its Name is the
// name at the end of the links.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	return within(f, "stat", name, func(root *os.Root) (fs.FileInfo, error) {
		target, err := resolve(root, name)
		if err != nil {
			return nil, err
		}
		return root.Lstat(target)
	})
}

// Lstat describes name itself, which may be a link.
func (f *FS) Lstat(name string) (fs.FileInfo, error) {
	return within(f, "lstat", name, func(root *os.Root) (fs.FileInfo, error) {
		link, err := resolveParent(root, name)
		if err != nil {
			return nil, err
		}
		return root.Lstat(link)
	})
}

// ReadLink returns the text of a link as it is written, so it may be absolute
// or climb; Open and Stat know what it means.
func (f *FS) ReadLink(name string) (string, error) {
	return within(f, "readlink", name, func(root *os.Root) (string, error) {
		link, err := resolveParent(root, name)
		if err != nil {
			return "", err
		}
		return root.Readlink(link)
	})
}

// ReadDir lists a directory, sorted by name.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	dir, err := f.open("readdir", name)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, pathError("readdir", name, err)
}

// open does the work of the methods that read; op and name are for its errors.
func (f *FS) open(op, name string) (*os.File, error) {
	return within(f, op, name, func(root *os.Root) (*os.File, error) {
		target, err := resolve(root, name)
		if err != nil {
			return nil, err
		}
		// Looking first leaves devices untouched. O_NONBLOCK and looking again
		// keep a pipe that took the file's place in between from blocking.
		if err := checkReadable(root.Lstat(target)); err != nil {
			return nil, err
		}
		file, err := root.OpenFile(target, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			return nil, err
		}
		if err := checkReadable(file.Stat()); err != nil {
			file.Close()
			return nil, err
		}
		return file, nil
	})
}

func checkReadable(info fs.FileInfo, err error) error {
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		err = ErrNotRegular
	}
	return err
}

// within opens the tree for one call. The [os.Root] is what no race defeats: a
// path that was resolved and then changed fails there instead of leading out.
func within[T any](f *FS, op, name string, do func(*os.Root) (T, error)) (T, error) {
	var none T
	if _, err := filepath.Localize(name); err != nil {
		return none, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	root, err := os.OpenRoot(f.dir)
	if err != nil {
		return none, &fs.PathError{Op: op, Path: name, Err: err}
	}
	defer root.Close()
	value, err := do(root)
	return value, pathError(op, name, err)
}

// pathError names the file that the caller asked for, where the error below
// names the end of its links.
func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	if inner := (*fs.PathError)(nil); errors.As(err, &inner) {
		err = inner.Err
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}
