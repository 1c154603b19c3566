package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap"
)

// intro is what a file begins with that age has encrypted.
const intro = "age-encryption.org/v1\n"

var errOther = errors.New("it does not begin as a backup does: take another copy, or if it is a snapshot of etcd, " +
	"see clustersnap etcd --help")

// beginsAsSet reports whether a file begins as a backup does. One that is shorter does not.
func beginsAsSet(f io.ReaderAt) (bool, error) {
	begin := make([]byte, len(intro))
	n, err := f.ReadAt(begin, 0)
	if errors.Is(err, io.EOF) {
		err = nil // whoever reads it tells
	}
	return bytes.Equal(begin[:n], []byte(intro)), err
}

// decrypt opens a set. What it says later on of bytes that were changed has the name that the set was opened by.
func decrypt(name string, f io.ReaderAt, size int64, identities []age.Identity) (*clustersnap.Set, error) {
	is, err := beginsAsSet(f)
	if err != nil {
		return nil, err
	}
	if !is {
		return nil, errOther
	}
	// A clone, since age sorts what it is given.
	plain, size, err := age.DecryptReaderAt(encrypted{f}, size, slices.Clone(identities)...)
	if other := new(age.NoIdentityMatchError); errors.As(err, &other) {
		return nil, fmt.Errorf("the identity does not fit: the file was made for %s, and is opened by the identity of any of them",
			count(len(other.StanzaTypes), "other recipient"))
	}
	if err != nil {
		return nil, damaged("it", err)
	}
	return clustersnap.Open(authentic{plain, name}, size)
}

// authentic is what age has decrypted. That something in it was changed is said by age of a chunk, and here of the file.
type authentic struct {
	io.ReaderAt
	name string
}

func (a authentic) ReadAt(p []byte, off int64) (int, error) {
	n, err := a.ReaderAt.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		err = damaged(a.name, err)
	}
	return n, err
}

// damaged says what to do about an error of age, unless it could not read.
func damaged(what string, err error) error {
	if unread := (unread{}); errors.As(err, &unread) {
		return unread.error
	}
	return fmt.Errorf("%s is damaged or cut short: take another copy (%w)", what, err)
}

// encrypted is a file whose own errors are told from those of what it holds.
type encrypted struct{ io.ReaderAt }

type unread struct{ error }

func (e encrypted) ReadAt(p []byte, off int64) (int, error) {
	n, err := e.ReaderAt.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		err = unread{err}
	}
	return n, err
}
