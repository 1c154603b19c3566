package etcdsnap

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

var (
	// ErrCompacted says that a revision is older than CompactRevision: what it held is gone.
	ErrCompacted = errors.New("the revision has been compacted")
	// ErrFuture says that a revision is newer than the snapshot.
	ErrFuture = errors.New("the revision is newer than the snapshot")
	// ErrNotFound says that there was no such key at the revision.
	ErrNotFound = errors.New("key not found")
)

// Range yields the keys that begin with prefix as they were at a revision, 0 for the latest, in the order of the keys: a [View]
// that is used once. An error is yielded last, with a nil KeyValue: those of View and of its Keys.
func (s *Snapshot) Range(ctx context.Context, prefix string, revision int64) iter.Seq2[*mvccpb.KeyValue, error] {
	return func(yield func(*mvccpb.KeyValue, error) bool) {
		v, err := s.View(ctx, prefix, revision)
		if err != nil {
			yield(nil, err)
			return
		}
		v.Keys(ctx)(yield)
	}
}

// Get gives one key as it was at a revision, 0 for the latest. It reads the whole bucket of keys: for more than one, see
// [View.Get].
//
// The error wraps those of Range, or [ErrNotFound].
func (s *Snapshot) Get(ctx context.Context, key string, revision int64) (*mvccpb.KeyValue, error) {
	v, err := s.view(ctx, revision, func(k []byte) bool { return string(k) == key })
	if err != nil {
		return nil, fmt.Errorf("read key %q: %w", key, err)
	}
	return v.Get(ctx, key)
}

// HashKV is what the call of that name gives on a live member at a revision, 0 for the latest: a CRC-32C over what is stored
// of keys, and so the same on all members that have compacted up to the same revision (server/storage/mvcc/hash.go). A live
// one has often compacted further than the snapshot, and says so in its answer: compacted is for that, 0 or less (it says -1
// before its first compaction) for as far as the snapshot. On a member the call stops all writes while it works; here nobody
// waits.
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
