package restore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/clustersnap/clustersnap/internal/durable"
)

// Prune removes what restores of a node that have ended before a time have left aside: the old members, the old files,
// and at last their journals. It gives what it has removed, also after an error, when the next call goes on. Root and dataDir
// are as for [Unfinished]. A restore that has not ended stays, and so does one at which a process is at work.
func Prune(root, dataDir string, before time.Time) (removed []string, err error) {
	paths, err := journals(root, dataDir)
	errs := []error{err}
	for _, path := range paths {
		some, err := pruneOne(root, path, before)
		removed, errs = append(removed, some...), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return removed, fmt.Errorf("prune restores of %s: %w", dataDir, err)
	}
	return removed, nil
}

func pruneOne(root, path string, before time.Time) (removed []string, err error) {
	j, err := openJournal(path)
	if errors.Is(err, errLocked) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer j.close()
	if j.plan == nil { // nothing was begun
		return []string{path}, errors.Join(os.Remove(path), durable.Sync(filepath.Dir(path)))
	}
	if !j.finished() || !j.lines[len(j.lines)-1].Time.Before(before) {
		return nil, nil
	}
	at := j.plan.places(root)
	if err := j.prunable(at); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	left := []string{at.own, at.hold, at.brought}
	for _, c := range j.files() {
		left = append(left, c.aside(j.plan, at))
	}
	for _, one := range append(left, path) {
		is, err := inodeOf(one)
		if err == nil && is == 0 {
			continue
		}
		if err == nil {
			err = errors.Join(os.RemoveAll(one), durable.Sync(filepath.Dir(one)))
		}
		if err != nil {
			return removed, err
		}
		removed = append(removed, one)
	}
	return removed, nil
}

// prunable is an error where an old member may be the one that counts.
func (r *record) prunable(at places) error {
	if r.is("", undone) && exists(at.oldMember()) {
		return fmt.Errorf("the restore was taken back, and yet there is an old member at %s: look at it, and move it away",
			at.oldMember())
	}
	if r.is("", undone) || r.inodes().Old == 0 {
		return nil // nothing is left in the data directory, which may have been lost since
	}
	if err := r.sameData(at); err != nil {
		return fmt.Errorf("%w If the old member in it is gone for good, remove this file", err)
	}
	return nil
}
