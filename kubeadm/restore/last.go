package restore

import (
	"fmt"
	"slices"
)

// Last gives the report of the newest restore of a node that was committed: what it took, and what etcd's revision was before
// it. Root and dataDir are as for [Unfinished]. The error is [ErrNone] where there is none, or Prune has removed its journal;
// one that has not ended, or was taken back, is passed over, and one at which a process is at work is an error.
func Last(root, dataDir string) (*Report, error) {
	report, err := last(root, dataDir)
	if err != nil {
		return nil, fmt.Errorf("look for the last restore of %s: %w", dataDir, err)
	}
	return report, nil
}

func last(root, dataDir string) (*Report, error) {
	paths, err := journals(root, dataDir)
	if err != nil {
		return nil, err
	}
	for _, path := range slices.Backward(paths) {
		j, err := openJournal(path)
		if err != nil {
			return nil, err
		}
		if err := j.close(); err != nil {
			return nil, err
		}
		if j.plan != nil && j.is("", committed) {
			return j.report(), nil
		}
	}
	return nil, fmt.Errorf("none was committed: %w", ErrNone)
}
