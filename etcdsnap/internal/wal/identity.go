package wal

import (
	"fmt"
	"io"
)

// Identity says whose log it is.
type Identity struct{ Member, Cluster uint64 }

// ReadIdentity reads whose log it is from the newest segment in dir (a path such as DATADIR/member/wal).
//
// The error wraps [ErrCorrupt], and [io.ErrUnexpectedEOF] too if bytes are missing, or is one of the file system.
func ReadIdentity(dir string) (Identity, error) {
	return read(dir, func(segments []segment) (Identity, error) {
		return scan(segments[0], (*scanner).identity)
	})
}

// identity reads the two records that each segment begins with. etcd has them on disk before the segment gets its
// name.
func (s *scanner) identity() (Identity, error) {
	var r record
	for _, kind := range []uint64{sumKind, metadataKind} {
		var err error
		if r, err = s.record(); err == io.EOF {
			err = s.damaged(fmt.Errorf("it ends before it says whose it is: %w", io.ErrUnexpectedEOF))
		} else if err == nil && r.kind != kind {
			err = s.damaged(fmt.Errorf("it begins with a record of kind %d, want %d", r.kind, kind))
		}
		if err != nil {
			return Identity{}, err
		}
	}
	id, err := parseIdentity(r.data)
	if err != nil {
		return Identity{}, s.damaged(err)
	}
	return id, nil
}
