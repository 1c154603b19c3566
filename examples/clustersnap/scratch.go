package main

import (
	"errors"
	"io"
	"os"

	"filippo.io/age"
)

// scratch is a file for what a command has to read again and may leave nowhere in the clear, as a snapshot that a proof goes
// through. It is encrypted with a key that only this process has: what a kill leaves of it, nobody reads. It has no name where
// a system has such files, so that a kill leaves nothing.
type scratch struct {
	io.Writer // of the plain text
	file      *os.File
	sealed    io.Closer
	identity  *age.X25519Identity
}

// newScratch makes one in a directory. The caller closes it.
func newScratch(dir string) (*scratch, error) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(dir, "clustersnap-*.scratch")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(file.Name()) // Windows keeps the name of what is open: see Close
	sealed, err := age.Encrypt(file, identity.Recipient())
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &scratch{sealed, file, sealed, identity}, nil
}

// end ends what is written, and gives it to be read.
func (s *scratch) end() (io.ReaderAt, int64, error) {
	if err := s.sealed.Close(); err != nil {
		return nil, 0, err
	}
	size, err := s.file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, 0, err
	}
	return age.DecryptReaderAt(s.file, size, s.identity)
}

// Close lets its room go.
func (s *scratch) Close() error {
	err := s.file.Close()
	if _, still := os.Lstat(s.file.Name()); still == nil {
		err = errors.Join(err, os.Remove(s.file.Name()))
	}
	return err
}
