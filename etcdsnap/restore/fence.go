package restore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

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
	wal, err := s.walNote()
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
	aside, err := s.beginAside(made, wal)
	if err != nil {
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
		s.step("take back " + here)
		if err := exchange(next, here); err != nil {
			return err // both are still there
		}
		s.aside, s.walAside = "", ""
		err := tidy(s.dir.path, aside)
		if !s.dir.exists {
			err = errors.Join(err, os.Remove(s.dir.path))
		}
		return err
	}
	if err := s.durable(aside, s.dir.path, filepath.Dir(s.dir.path)); err != nil {
		return nil, errors.Join(err, undo())
	}
	return undo, nil
}

func (s *site) walNote() (*walNote, error) {
	n := &walNote{Dir: s.wal.path, New: map[string]uint64{}}
	list, err := names(s.log())
	for _, name := range list {
		if err == nil {
			n.New[name], err = inode(filepath.Join(s.log(), name))
		}
	}
	if err != nil {
		return nil, err
	}
	if !s.wal.exists {
		n.Made, err = inode(s.log())
		return n, err
	}
	if n.Old, err = names(s.wal.path); err != nil {
		return n, err
	}
	n.Old = slices.DeleteFunc(n.Old, func(name string) bool {
		return filepath.Ext(name) != ".wal" && (filepath.Ext(name) != ".tmp" || !s.oldLog)
	})
	if len(n.Old) > 0 {
		if !s.oldLog {
			return nil, fmt.Errorf("%s: %w, and has got a log meanwhile", n.Dir, fs.ErrExist)
		}
		n.Aside = n.Dir // its name is known later
	}
	return n, nil
}

func names(dir string) (list []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.Type().IsRegular() {
			list = append(list, e.Name())
		}
	}
	return list, err
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

func readNote(aside string) (*note, error) {
	path := filepath.Join(aside, noteName)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var n note
	if err := json.Unmarshal(b, &n); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if n.Version != noteVersion {
		return nil, fmt.Errorf("%s is of version %d: use the program that has written it", path, n.Version)
	}
	return &n, nil
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
