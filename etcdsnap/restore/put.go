package restore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/clustersnap/clustersnap/internal/durable"
)

// put gives the new directories their names. What it returns takes that back.
func (s *site) put() (undo func() error, err error) {
	switch {
	case s.wal != nil:
		return s.putFenced()
	case s.oldMember:
		return s.putExchanged()
	default:
		return s.putFirst()
	}
}

// putFirst is for a place without an old member: one rename.
func (s *site) putFirst() (func() error, error) {
	from, to := s.data(), s.dir.path
	if s.dir.exists {
		from, to = filepath.Join(from, "member"), filepath.Join(to, "member")
	}
	if _, err := os.Lstat(to); err == nil {
		return nil, fmt.Errorf("%s has appeared meanwhile: %w", to, fs.ErrExist)
	}
	s.step("rename " + to)
	if err := os.Rename(from, to); err != nil {
		return nil, err
	}
	undo := func() error {
		s.step("take back " + to)
		return errors.Join(os.Rename(to, from), s.resetMode()) // from where all of it goes
	}
	if err := s.onDisk(filepath.Dir(to)); err != nil {
		return nil, errors.Join(err, undo())
	}
	return undo, nil
}

// takeBack exchanges what is in place with what is at there, in the directory aside, and removes what is new.
func (s *site) takeBack(there string) error {
	here, aside := filepath.Join(s.dir.path, "member"), s.aside
	s.step("take back " + here)
	if err := exchange(there, here); err != nil {
		return err // both are still there
	}
	s.aside, s.walAside = "", ""
	return errors.Join(tidy(s.dir.path, aside), s.resetMode())
}

// resetMode gives a data directory the mode that it had.
func (s *site) resetMode() error {
	if !s.dir.exists {
		return nil
	}
	return os.Chmod(s.dir.path, s.dir.mode)
}

// onDisk waits until names are there, and gives the data directory the mode that etcd wants.
func (s *site) onDisk(dirs ...string) error {
	err := os.Chmod(s.dir.path, 0o700)
	for _, dir := range dirs {
		err = errors.Join(err, durable.Sync(dir))
	}
	return err
}

// putExchanged moves an old member aside in the moment in which the new one takes its place, also in a directory that is a mount
// point and can't be renamed itself.
func (s *site) putExchanged() (func() error, error) {
	made := filepath.Join(s.data(), "member")
	if err := s.alone(); err != nil {
		return nil, err
	}
	aside := s.newAside()
	if err := s.beginAside(aside, made, nil); err != nil {
		return nil, err
	}
	there, here := filepath.Join(aside, "member"), filepath.Join(s.dir.path, "member")
	s.step("rename " + there)
	if err := os.Rename(made, there); err != nil {
		return nil, errors.Join(err, tidy(s.dir.path, aside))
	}
	s.step("exchange " + here)
	if err := exchange(there, here); err != nil {
		return nil, errors.Join(err, tidy(s.dir.path, aside))
	}
	s.aside = aside
	undo := func() error { return s.takeBack(there) }
	err := s.onDisk(aside, s.dir.path)
	if err == nil {
		err = s.alone() // nobody can open it any more
	}
	if err != nil {
		return nil, errors.Join(err, undo())
	}
	return undo, nil
}

// finish removes what was only needed until all members are in place. What is left of it by an error does no harm, and goes with the
// next restore: so that is no error of this one.
func (s *site) finish() {
	aside := s.aside
	if aside == "" {
		return
	}
	s.step("finish " + aside)
	if _, err := os.Lstat(filepath.Join(aside, "member")); errors.Is(err, fs.ErrNotExist) {
		s.aside = "" // there was none
		_ = remove(aside)
		return
	}
	if os.RemoveAll(filepath.Join(aside, "new")) == nil { // the fence
		_ = os.Remove(filepath.Join(aside, noteName))
	}
}
