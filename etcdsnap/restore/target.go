package restore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/clustersnap/clustersnap/internal/durable"
)

// target is where a data directory goes. One that exists stays what it is, with its owner and whatever is
// mounted there: only etcd's "member" is put into it.
type target struct {
	dir    string // absolute, free of links
	exists bool
	work   string // what partials are named for: they lie beside it
}

func findTarget(dir string) (target, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return target{}, err
	}
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return target{dir: dir, work: dir}, nil
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return target{}, err
	}
	if info, err := os.Stat(dir); err != nil {
		return target{}, err
	} else if !info.IsDir() {
		return target{}, fmt.Errorf("%w, and is no directory", fs.ErrExist)
	}
	return target{dir: dir, exists: true, work: filepath.Join(dir, "member")}, nil
}

// checkFree refuses a directory that holds anything but ours, or the lost+found of a file system's root.
func (t target) checkFree(ours string) error {
	if !t.exists {
		return nil
	}
	list, err := os.ReadDir(t.dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		if e.Name() != filepath.Base(ours) && e.Name() != "lost+found" {
			return fmt.Errorf("%w, and holds %s: move what it holds aside first, and keep it until the restored cluster works", fs.ErrExist, e.Name())
		}
	}
	return nil
}

// place makes what lies in made durable, and gives it its name.
func (t target) place(made string) error {
	err := filepath.WalkDir(made, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return durable.Sync(path)
	})
	if err != nil {
		return err
	}
	from, to := made, t.dir
	if t.exists {
		from, to = filepath.Join(made, "member"), t.work
	}
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("%s has appeared meanwhile: %w", to, fs.ErrExist)
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	err = os.Chmod(t.dir, 0o700) // as etcd wants it
	if err == nil {
		err = durable.Sync(filepath.Dir(to))
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(to))
	}
	return nil
}
