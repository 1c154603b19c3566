package main

import (
	"errors"
	"os"

	"github.com/clustersnap/clustersnap/etcdsnap"
)

// database is a snapshot of etcd in the clear that is read in place. Nobody has verified it.
type database struct {
	*etcdsnap.Snapshot
	file *os.File
	size int64
}

// openDatabase opens one. The caller closes it.
func openDatabase(name string) (*database, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	stat, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s, err := etcdsnap.Open(f, stat.Size())
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &database{s, f, stat.Size()}, nil
}

func (d *database) close() error { return d.file.Close() }
