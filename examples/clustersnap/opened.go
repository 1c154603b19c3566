package main

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap"
)

// openSet opens an encrypted set. The caller closes the file, after the last read.
func openSet(name string, identities []age.Identity) (*clustersnap.Set, *os.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	set, err := decrypt(f, identities)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open %s: %w", name, err), f.Close())
	}
	return set, f, nil
}

func decrypt(f *os.File, identities []age.Identity) (*clustersnap.Set, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	// A clone, since age sorts what it is given.
	plain, size, err := age.DecryptReaderAt(f, info.Size(), slices.Clone(identities)...)
	if other := new(age.NoIdentityMatchError); errors.As(err, &other) {
		return nil, fmt.Errorf("the identity does not fit: the file was made for %s, and is opened by the identity of any of them",
			count(len(other.StanzaTypes), "other recipient"))
	}
	if err != nil {
		return nil, fmt.Errorf("it is cut short, damaged or no backup: take another copy (%w)", err)
	}
	return clustersnap.Open(plain, size)
}
