package restore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/clustersnap/clustersnap/internal/durable"
)

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

// newAside is where an old member is to go.
func (s *site) newAside() string {
	return filepath.Join(s.dir.path, fmt.Sprintf("%s%08d", asides, rand.Uint32N(1e8)))
}

// beginAside makes the directory aside for an old member, with the note in it.
func (s *site) beginAside(aside, made string, wal *walNote) error {
	ino, err := inode(made)
	if err != nil {
		return err
	}
	s.step("make " + aside)
	if err := os.Mkdir(aside, 0o700); err != nil {
		return err
	}
	b, err := json.Marshal(note{Version: noteVersion, Made: ino, WAL: wal})
	if err == nil && s.dir.exists {
		err = own(aside, s.dir.path)
	}
	if err == nil {
		err = writeFile(filepath.Join(aside, noteName), b)
	}
	if err == nil {
		err = durable.Sync(s.dir.path)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(aside)) // nothing is in it yet
	}
	return nil
}

// walNote says what of the log is where now. The old one goes to a directory with the name of aside.
func (s *site) walNote(aside string) (*walNote, error) {
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
		n.Aside = filepath.Join(n.Dir, filepath.Base(aside))
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
