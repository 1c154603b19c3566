package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/clustersnap/clustersnap/etcdsnap"
)

// database is a snapshot of etcd that is read in place: a file in the clear, or what a backup has. Nobody has verified it.
type database struct {
	*etcdsnap.Snapshot
	size int64
	held io.Closer
	// What a backup says of kube-apiserver, empty of a file.
	prefix     string
	encryption []byte
}

// openDatabase opens a file. The caller closes it.
func openDatabase(name string) (*database, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	stat, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return newDatabase(f, stat.Size(), f)
}

// newDatabase takes over what it reads from.
func newDatabase(at io.ReaderAt, size int64, held io.Closer) (*database, error) {
	s, err := etcdsnap.Open(at, size)
	if errors.Is(err, etcdsnap.ErrCorrupt) {
		err = fmt.Errorf("%w: take another copy", err)
	}
	if err != nil {
		return nil, errors.Join(err, held.Close())
	}
	return &database{Snapshot: s, size: size, held: held}, nil
}

func (d *database) close() error {
	clear(d.encryption)
	return d.held.Close()
}
