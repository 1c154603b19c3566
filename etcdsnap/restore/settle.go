package restore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/clustersnap/clustersnap/internal/durable"
)

// settle brings to an end what a Restore that was killed has left in a data directory: the old member is in place
// afterwards, or the new one.
func settle(dir string) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		if e.IsDir() && strings.HasPrefix(e.Name(), asides) {
			if err := tidy(dir, filepath.Join(dir, e.Name())); err != nil {
				return fmt.Errorf("settle what a killed restore left in %s: %w", dir, err)
			}
		}
	}
	return nil
}

// tidy does so with one directory aside, by what it finds. One without a note is somebody's, or done.
func tidy(dir, aside string) error {
	n, err := readNote(aside)
	if errors.Is(err, fs.ErrNotExist) {
		return removeBegun(aside)
	}
	if err != nil {
		return err
	}
	if up, err := fenced(dir, aside); err != nil {
		return err
	} else if up {
		return rollBack(dir, aside, n)
	}
	there, err := os.Lstat(filepath.Join(aside, "member"))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !there.IsDir() {
		return remove(aside) // nothing old is here: it was in place all the time, or there was none
	}
	if err != nil {
		return err
	}
	ino, err := inode(filepath.Join(aside, "member"))
	if err != nil {
		return err
	}
	if ino == n.Made { // the new one, which is not in place
		if _, err := os.Lstat(filepath.Join(dir, "member")); err != nil {
			return fmt.Errorf("%s seems to hold the new member, and no old one is in place: look yourself (%w)", aside, err)
		}
		return remove(aside)
	}
	return errors.Join(os.RemoveAll(filepath.Join(aside, "new")), os.Remove(filepath.Join(aside, noteName)))
}

// remove removes a directory aside, the note last: what is left by a kill is removed the next time.
func remove(aside string) error {
	for _, name := range []string{"member", "new", noteName} {
		if err := os.RemoveAll(filepath.Join(aside, name)); err != nil {
			return err
		}
	}
	return os.RemoveAll(aside)
}

// removeBegun removes a directory in which not even a note is whole.
func removeBegun(aside string) error {
	list, err := os.ReadDir(aside)
	if err != nil {
		return err
	}
	for _, e := range list {
		if !strings.HasPrefix(e.Name(), "."+noteName+".") {
			return nil
		}
	}
	return os.RemoveAll(aside)
}

// fenced reports whether the fence of aside is in place.
func fenced(dir, aside string) (bool, error) {
	path := filepath.Join(dir, "member")
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	b, err := os.ReadFile(path)
	return string(b) == filepath.Base(aside), err
}

// rollBack takes back what was done behind the fence, and then the fence.
func rollBack(dir, aside string, n *note) error {
	if n.WAL == nil {
		return fmt.Errorf("%s: it tells of no log", aside)
	}
	if err := n.WAL.rollBack(); err != nil {
		return err
	}
	old, here := filepath.Join(aside, "member"), filepath.Join(dir, "member")
	if _, err := os.Lstat(old); err == nil {
		if err := exchange(old, here); err != nil {
			return err
		}
	} else if err := os.Remove(here); err != nil {
		return err
	}
	if err := errors.Join(durable.Sync(dir), durable.Sync(aside)); err != nil {
		return err
	}
	return remove(aside)
}

func (n *walNote) rollBack() error {
	if n.Made != 0 {
		return n.unmake()
	}
	moved := []string{}
	if n.Aside != "" {
		var err error
		if moved, err = names(n.Aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	here, err := names(n.Dir)
	if err != nil {
		return err
	}
	all := true
	for _, name := range n.Old {
		aside := slices.Contains(moved, name)
		all = all && aside
		if !aside && !slices.Contains(here, name) {
			return fmt.Errorf("%s of the old log is neither in %s nor in %s: is its disk mounted?", name, n.Dir, n.Aside)
		}
	}
	if all { // so new ones may be there
		if err := errors.Join(n.removeNew(), durable.Sync(n.Dir)); err != nil {
			return err
		}
	}
	for _, name := range moved {
		if err := renameNew(filepath.Join(n.Aside, name), filepath.Join(n.Dir, name)); err != nil {
			return err
		}
	}
	if n.Aside != "" {
		if err := os.Remove(n.Aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return durable.Sync(n.Dir)
}

// unmake removes a directory that was made for the log, if that is the one which is there.
func (n *walNote) unmake() error {
	ino, err := inode(n.Dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && ino != n.Made {
		return nil
	}
	if err == nil {
		err = n.removeNew()
	}
	if err == nil {
		err = os.Remove(n.Dir)
	}
	return errors.Join(err, durable.Sync(filepath.Dir(n.Dir)))
}

// removeNew removes what the restore has put there, and nothing that has such a name by chance.
func (n *walNote) removeNew() error {
	for name, made := range n.New {
		path := filepath.Join(n.Dir, name)
		switch ino, err := inode(path); {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return err
		case ino != made:
			return fmt.Errorf("%s is not what the restore has put there: look yourself", path)
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}
