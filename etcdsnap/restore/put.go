package restore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
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
		return os.Rename(to, from) // from where all of it goes
	}
	if err := s.durable(filepath.Dir(to)); err != nil {
		return nil, errors.Join(err, undo())
	}
	return undo, nil
}

// durable waits until names are on disk, and gives the data directory the mode that etcd wants.
func (s *site) durable(dirs ...string) error {
	err := os.Chmod(s.dir.path, 0o700)
	for _, dir := range dirs {
		err = errors.Join(err, durable.Sync(dir))
	}
	return err
}

// note lies in a directory that a member is moved aside to, and says what was in the way. It is written before
// anything is moved, and removed once all is done: then what is aside is only what was there before.
type note struct {
	Version int `json:"version"`
	// Made is the inode of the new member's directory: the one that is aside after all has been done is another.
	Made uint64   `json:"made"`
	WAL  *walNote `json:"wal,omitempty"`
}

// walNote says how the log is changed. Its files are moved one by one, since the directory may be a mount point.
type walNote struct {
	Dir   string   `json:"dir"`
	Made  uint64   `json:"made,omitempty"` // the directory's inode, if it was not there
	Aside string   `json:"aside,omitempty"`
	Old   []string `json:"old,omitempty"`
	// New are the inodes of the new files: those of an old log have the same names.
	New map[string]uint64 `json:"new"`
}

const (
	noteVersion = 1
	noteName    = "note.json"
)

// putExchanged moves an old member aside in the moment in which the new one takes its place, also in a directory that is a mount
// point and can't be renamed itself.
func (s *site) putExchanged() (func() error, error) {
	made := filepath.Join(s.data(), "member")
	if err := s.alone(); err != nil {
		return nil, err
	}
	aside, err := s.beginAside(made, nil)
	if err != nil {
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
	undo := func() error {
		s.step("take back " + here)
		if err := exchange(there, here); err != nil {
			return err // both are still there
		}
		s.aside = ""
		return tidy(s.dir.path, aside)
	}
	err = s.durable(aside, s.dir.path)
	if err == nil {
		err = s.alone() // nobody can open it any more
	}
	if err != nil {
		return nil, errors.Join(err, undo())
	}
	return undo, nil
}

// beginAside makes the directory for an old member, with the note in it.
func (s *site) beginAside(made string, wal *walNote) (string, error) {
	ino, err := inode(made)
	if err != nil {
		return "", err
	}
	aside := filepath.Join(s.dir.path, fmt.Sprintf("%s%08d", asides, rand.Uint32N(1e8)))
	s.step("make " + aside)
	if err := os.Mkdir(aside, 0o700); err != nil {
		return "", err
	}
	if s.dir.exists {
		if err := own(aside, s.dir.path); err != nil {
			return "", errors.Join(err, os.Remove(aside))
		}
	}
	if wal != nil && wal.Aside != "" {
		wal.Aside = filepath.Join(wal.Dir, filepath.Base(aside))
	}
	b, err := json.Marshal(note{Version: noteVersion, Made: ino, WAL: wal})
	if err == nil {
		err = writeFile(filepath.Join(aside, noteName), b)
	}
	if err == nil {
		err = durable.Sync(s.dir.path)
	}
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(aside))
	}
	return aside, nil
}

// writeFile makes a file that is whole, and on disk.
func writeFile(path string, b []byte) error {
	f, err := durable.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Commit()
	}
	return errors.Join(err, f.Close())
}
