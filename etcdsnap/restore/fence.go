package restore

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/clustersnap/clustersnap/internal/durable"
)

// A member whose log is elsewhere has two places, and no rename changes both. An etcd that starts from an old log and a new
// database, or the reverse, would destroy data without a word. So a fence stands in the way meanwhile: a file with the name
// "member", with which etcd does not start. It holds the name of the directory with the note.

// putFenced changes both places behind a fence.
func (s *site) putFenced() (_ func() error, err error) {
	if !s.dir.exists {
		s.step("make " + s.dir.path)
		if err := os.Mkdir(s.dir.path, 0o700); err != nil {
			return nil, err
		}
		defer func() {
			if err != nil {
				_ = os.Remove(s.dir.path) // unless something is in it
			}
		}()
	}
	aside := s.newAside()
	wal, err := s.walNote(aside)
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(filepath.Join(s.dir.path, "member")); err == nil && !s.oldMember {
		return nil, fmt.Errorf("%s: %w, and has got a member meanwhile", s.dir.path, fs.ErrExist)
	}
	if err := s.alone(); err != nil {
		return nil, err
	}
	made := filepath.Join(s.data(), "member")
	if err := s.beginAside(aside, made, wal); err != nil {
		return nil, err
	}
	err = s.raiseFence(made, aside)
	if err == nil {
		err = s.alone() // nobody can open it any more
	}
	if err == nil {
		err = s.moveLog(wal)
	}
	here, next := filepath.Join(s.dir.path, "member"), filepath.Join(aside, "new")
	if err == nil {
		s.step("exchange " + here)
		err = exchange(next, here)
	}
	if err != nil {
		return nil, errors.Join(err, tidy(s.dir.path, aside))
	}
	s.aside, s.walAside = aside, wal.Aside
	undo := func() error {
		err := s.takeBack(next)
		if err == nil && !s.dir.exists {
			err = os.Remove(s.dir.path)
		}
		return err
	}
	if err := s.onDisk(aside, s.dir.path, filepath.Dir(s.dir.path)); err != nil {
		return nil, errors.Join(err, undo())
	}
	return undo, nil
}

// raiseFence puts the new member into the directory aside, and the fence in the place of the old one, which goes there, too.
func (s *site) raiseFence(made, aside string) error {
	fence, here := filepath.Join(aside, "member"), filepath.Join(s.dir.path, "member")
	if err := os.Rename(made, filepath.Join(aside, "new")); err != nil {
		return err
	}
	if err := writeFile(fence, []byte(filepath.Base(aside))); err != nil {
		return err
	}
	s.step("fence " + here)
	_, err := os.Lstat(here)
	switch {
	case err == nil:
		err = exchange(fence, here)
	case errors.Is(err, fs.ErrNotExist):
		err = os.Rename(fence, here)
	}
	if err != nil {
		return err
	}
	return errors.Join(durable.Sync(aside), durable.Sync(s.dir.path))
}

// moveLog moves the files of the old log aside, and then those of the new one in.
func (s *site) moveLog(n *walNote) error {
	if n.Made != 0 {
		s.step("rename " + n.Dir)
		if err := os.Rename(s.log(), n.Dir); err != nil {
			return err
		}
		return durable.Sync(filepath.Dir(n.Dir))
	}
	if n.Aside != "" {
		if err := os.Mkdir(n.Aside, 0o700); err != nil {
			return err
		}
		if err := own(n.Aside, n.Dir); err != nil {
			return err
		}
		if err := durable.Sync(n.Dir); err != nil {
			return err
		}
	}
	for _, name := range n.Old {
		s.step("move aside " + filepath.Join(n.Dir, name))
		if err := os.Rename(filepath.Join(n.Dir, name), filepath.Join(n.Aside, name)); err != nil {
			return err
		}
	}
	// That all are aside is what tells the new ones, which have the same names, from the old ones.
	if n.Aside != "" {
		if err := errors.Join(durable.Sync(n.Aside), durable.Sync(n.Dir)); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(n.New)) {
		s.step("rename " + filepath.Join(n.Dir, name))
		if err := renameNew(filepath.Join(s.log(), name), filepath.Join(n.Dir, name)); err != nil {
			return err
		}
	}
	return durable.Sync(n.Dir)
}
