package etcdsnap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"maps"
	"slices"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/etcdsnap/internal/bolt"
)

var (
	// ErrCompacted says that a revision is older than CompactRevision: what it held is gone.
	ErrCompacted = errors.New("the revision has been compacted")
	// ErrFuture says that a revision is newer than the snapshot.
	ErrFuture = errors.New("the revision is newer than the snapshot")
	// ErrNotFound says that there was no such key at the revision.
	ErrNotFound = errors.New("key not found")
)

// Range yields the keys that begin with prefix as they were at a revision, in the order of the keys: values, revisions,
// versions and leases as etcd would give them. Revision 0 is the latest one.
//
// The whole bucket of keys is read once, and then a page for each key that is yielded. Memory is needed for the
// matching keys, some 100 bytes for each and the key itself, and for one value. An error, which wraps [ErrCompacted],
// [ErrFuture] or [ErrCorrupt], or is ctx's cause or one of the reader's, is yielded last, with a nil KeyValue.
func (s *Snapshot) Range(ctx context.Context, prefix string, revision int64) iter.Seq2[*mvccpb.KeyValue, error] {
	return func(yield func(*mvccpb.KeyValue, error) bool) {
		fail := func(err error) { yield(nil, fmt.Errorf("read keys %q: %w", prefix, err)) }
		places, err := s.find(ctx, revision, func(key []byte) bool { return bytes.HasPrefix(key, []byte(prefix)) })
		if err != nil {
			fail(err)
			return
		}
		var buf []byte
		for _, key := range slices.Sorted(maps.Keys(places)) {
			kv, b, err := s.at(places[key], buf)
			buf = b
			if err == nil {
				err = context.Cause(ctx)
			}
			if err != nil {
				fail(err)
				return
			}
			if !yield(kv, nil) {
				return
			}
		}
	}
}

// Get gives one key as it was at a revision, 0 for the latest. It takes as long as a Range.
//
// The error wraps those of Range, or [ErrNotFound].
func (s *Snapshot) Get(ctx context.Context, key string, revision int64) (*mvccpb.KeyValue, error) {
	places, err := s.find(ctx, revision, func(k []byte) bool { return string(k) == key })
	if err == nil && len(places) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read key %q: %w", key, err)
	}
	kv, _, err := s.at(places[key], nil)
	if err != nil {
		return nil, fmt.Errorf("read key %q: %w", key, err)
	}
	return kv, nil
}

// find gives the newest record of each key that matches, up to a revision, unless that is a tombstone.
func (s *Snapshot) find(ctx context.Context, rev int64, match func(key []byte) bool) (map[string]place, error) {
	if rev == 0 {
		rev = s.revision
	}
	if rev < s.compact {
		return nil, fmt.Errorf("%w: %d is before %d", ErrCompacted, rev, s.compact)
	}
	if rev > s.revision {
		return nil, fmt.Errorf("%w: %d is after %d", ErrFuture, rev, s.revision)
	}
	places := map[string]place{}
	err := s.records(ctx, func(at place, r revision, rec record, _ []byte) error {
		switch {
		case r.main > rev || len(rec.key) == 0 || !match(rec.key):
		case r.tombstone:
			delete(places, string(rec.key))
		default:
			places[string(rec.key)] = at
		}
		return nil
	})
	return places, err
}

// at reads a record, which has a copy of its own in the result.
func (s *Snapshot) at(at place, buf []byte) (*mvccpb.KeyValue, []byte, error) {
	var p bolt.Page
	var err error
	if at.page == 0 {
		_, p, err = bolt.Bucket(s.buckets["key"])
	} else {
		p, buf, err = s.file.Page(at.page, buf)
	}
	if err != nil {
		return nil, buf, err
	}
	if !p.IsLeaf() || at.index >= p.Len() {
		return nil, buf, fmt.Errorf("%w: page %d has changed", ErrCorrupt, at.page)
	}
	key, value, _ := p.Leaf(at.index)
	r, _ := parseRevision(key)
	rec, err := parseRecord(value, r)
	if err != nil {
		return nil, buf, err
	}
	return &mvccpb.KeyValue{
		Key:            bytes.Clone(rec.key),
		CreateRevision: rec.create,
		ModRevision:    rec.mod,
		Version:        rec.version,
		Value:          bytes.Clone(rec.value),
		Lease:          rec.lease,
	}, buf, nil
}

// HashKV is what the call of that name gives on a live member at a revision, 0 for the latest: a CRC-32C over what is stored of
// keys, and so the same on all members that have compacted up to the same revision (server/storage/mvcc/hash.go). A
// live one has often compacted further than the snapshot, and says so in its answer: compacted is for that, 0 or less (it
// says -1 before its first compaction) for as far as the snapshot. On a member the call stops all writes while it works; here nobody waits.
func (s *Snapshot) HashKV(ctx context.Context, revision, compacted int64) (uint32, error) {
	if revision == 0 {
		revision = s.revision
	}
	if compacted <= 0 {
		compacted = s.compact
	}
	hash, err := s.hashKV(ctx, revision, compacted)
	if err != nil {
		return 0, fmt.Errorf("hash keys at revision %d: %w", revision, err)
	}
	return hash, nil
}

func (s *Snapshot) hashKV(ctx context.Context, rev, compacted int64) (uint32, error) {
	if compacted < s.compact || rev < compacted {
		return 0, fmt.Errorf("%w: the snapshot up to %d, the other side up to %d", ErrCompacted, s.compact, compacted)
	}
	if rev > s.revision {
		return 0, fmt.Errorf("%w: it ends at %d", ErrFuture, s.revision)
	}
	keep, err := s.keep(ctx, rev)
	if err == nil && len(keep) == 0 {
		// A member then leaves out nothing that is stored, which is what its compaction has left.
		keep, err = s.keep(ctx, compacted)
	}
	if err != nil {
		return 0, err
	}
	sum, n := crc(0).add([]byte("key")), uint32(0)
	err = s.records(ctx, func(_ place, r revision, _ record, value []byte) error {
		n++
		if r.main <= rev && (r.main > compacted || keep[n]) {
			sum = sum.add(r.append(nil)).add(value)
		}
		return nil
	})
	return uint32(sum), err
}

// keep numbers the records that a compaction at rev would leave: the newest of each key, unless that is a tombstone. One
// without a key is that of the key "", as in etcd's index.
func (s *Snapshot) keep(ctx context.Context, rev int64) (map[uint32]bool, error) {
	seed, n := maphash.MakeSeed(), uint32(0)
	newest := map[uint64]uint32{}
	if err := s.records(ctx, func(_ place, r revision, rec record, _ []byte) error {
		n++
		key := maphash.Bytes(seed, rec.key)
		switch {
		case r.main > rev:
		case r.tombstone:
			delete(newest, key)
		default:
			newest[key] = n
		}
		return nil
	}); err != nil {
		return nil, err
	}
	keep := make(map[uint32]bool, len(newest))
	for _, n := range newest {
		keep[n] = true
	}
	return keep, nil
}
