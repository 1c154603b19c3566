package restore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

var (
	// ErrUnfinished is the error of a restore that is to begin while another one of the node has not ended.
	ErrUnfinished = errors.New("a restore of this node has not ended: go on with it, or roll it back")
	// ErrNone is the error where no restore of the node is under way.
	ErrNone = errors.New("no restore of this node is under way")
)

// Unfinished gives the plan of the restore that was begun on a node and has not ended, because its process was killed or
// failed: [Run] goes on with it, and [Rollback] takes it back. Root is as in [Host], and dataDir etcd's on the node. The
// error is [ErrNone] if there is none, and wraps [ErrJournal] where it cannot be read.
func Unfinished(root, dataDir string) (*Plan, error) {
	j, err := unfinished(root, dataDir)
	if err != nil {
		return nil, fmt.Errorf("look for a restore of %s: %w", dataDir, err)
	}
	return j.plan, j.file.Close()
}

// unfinished opens the journal of the one restore that has not ended.
func unfinished(root, dataDir string) (*journal, error) {
	paths, err := journals(root, dataDir)
	if err != nil {
		return nil, err
	}
	var found *journal
	for _, path := range paths {
		j, err := openJournal(path)
		if err != nil {
			return nil, errors.Join(err, found.close())
		}
		if j.plan == nil || j.finished() {
			err = j.close()
		} else if found != nil {
			err = fmt.Errorf("%w: %s and %s have both not ended", ErrJournal, found.file.Name(), j.file.Name())
			err = errors.Join(err, j.close())
		} else {
			found = j
		}
		if err != nil {
			return nil, errors.Join(err, found.close())
		}
	}
	if found == nil {
		return nil, ErrNone
	}
	return found, nil
}

// heldElsewhere is an error if another restore holds a manifest of the node: one of another data directory has its journal
// elsewhere.
func (p *Plan) heldElsewhere(at places) error {
	list, err := os.ReadDir(filepath.Dir(at.hold))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range list {
		if e.Name() == p.own() || !strings.HasPrefix(e.Name(), ownPrefix) {
			continue
		}
		for _, one := range p.pods() {
			held := filepath.Join(filepath.Dir(at.hold), e.Name(), filepath.Base(one.manifest))
			if exists(held) {
				return fmt.Errorf("%w: it has moved away %s, and etcd's data was in another directory then", ErrUnfinished, held)
			}
		}
	}
	return err
}

func (j *journal) close() error {
	if j == nil {
		return nil
	}
	return j.file.Close()
}

// journals are the paths of all journals for a data directory, from the oldest on.
func journals(root, dataDir string) (paths []string, err error) {
	if root == "" || !strings.HasPrefix(dataDir, "/") {
		return nil, fmt.Errorf("root %q and data directory %q: give both, the directory as the node has it", root, dataDir)
	}
	dir := stateDir(root, filepath.Clean(dataDir))
	list, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range list {
		if strings.HasSuffix(e.Name(), journalSuffix) && e.Type().IsRegular() {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, err
}
