package etcdsnap

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/etcdsnap/internal/bolt"
)

// View is the keys of a snapshot at one revision, found once: each is one page away from then on. It may be used by many
// goroutines, for as long as what the snapshot was opened on.
type View struct {
	snapshot *Snapshot
	prefix   string
	revision int64
	keys     []located // in order
}

// located is a key and where its record stands.
type located struct {
	key string
	at  place
}

// View finds the keys that begin with prefix as they were at a revision, 0 for the latest. The whole bucket of keys is read
// once. Memory is needed for the keys that are found, some 100 bytes for each and the key itself.
//
// The error wraps [ErrCompacted], [ErrFuture] or [ErrCorrupt], or is ctx's cause or one of the reader's.
func (s *Snapshot) View(ctx context.Context, prefix string, revision int64) (*View, error) {
	v, err := s.view(ctx, revision, func(key []byte) bool { return bytes.HasPrefix(key, []byte(prefix)) })
	if err != nil {
		return nil, fmt.Errorf("read keys %q: %w", prefix, err)
	}
	v.prefix = prefix
	return v, nil
}

// view finds the newest record of each key that matches, up to a revision, unless that is a tombstone.
func (s *Snapshot) view(ctx context.Context, rev int64, match func(key []byte) bool) (*View, error) {
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
	if err := s.records(ctx, func(at place, r revision, rec record, _ []byte) error {
		switch {
		case r.main > rev || len(rec.key) == 0 || !match(rec.key):
		case r.tombstone:
			delete(places, string(rec.key))
		default:
			places[string(rec.key)] = at
		}
		return nil
	}); err != nil {
		return nil, err
	}
	keys := make([]located, 0, len(places))
	for _, key := range slices.Sorted(maps.Keys(places)) {
		keys = append(keys, located{key, places[key]})
	}
	return &View{snapshot: s, revision: rev, keys: keys}, nil
}

// Revision is the one of the view, never 0.
func (v *View) Revision() int64 { return v.revision }

// Len is how many keys there are.
func (v *View) Len() int { return len(v.keys) }

// Keys yields the keys in their order: values, revisions, versions and leases as etcd would give them. Memory is needed for
// one value. An error, which wraps [ErrCorrupt], or is ctx's cause or one of the reader's, is yielded last, with a nil
// KeyValue.
func (v *View) Keys(ctx context.Context) iter.Seq2[*mvccpb.KeyValue, error] {
	return v.Below(ctx, v.prefix)
}

// Below is Keys, of those that begin with a prefix. The others are not read.
func (v *View) Below(ctx context.Context, prefix string) iter.Seq2[*mvccpb.KeyValue, error] {
	return func(yield func(*mvccpb.KeyValue, error) bool) {
		r := recordReader{snapshot: v.snapshot}
		first, _ := v.search(prefix)
		for _, k := range v.keys[first:] {
			if !strings.HasPrefix(k.key, prefix) {
				return
			}
			kv, err := r.read(k.at)
			if err == nil {
				err = context.Cause(ctx)
			}
			if err != nil {
				yield(nil, fmt.Errorf("read keys %q: %w", prefix, err))
				return
			}
			if !yield(kv, nil) {
				return
			}
		}
	}
}

// Get gives one key, and reads one page for it. The error wraps those of Keys, or [ErrNotFound]. A key that does not begin with
// the prefix of the view is another error: the view does not know of it.
func (v *View) Get(ctx context.Context, key string) (*mvccpb.KeyValue, error) {
	if !strings.HasPrefix(key, v.prefix) {
		return nil, fmt.Errorf("read key %q: the view is of keys %q alone", key, v.prefix)
	}
	kv, err := v.get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read key %q: %w", key, err)
	}
	return kv, nil
}

func (v *View) get(ctx context.Context, key string) (*mvccpb.KeyValue, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	i, ok := v.search(key)
	if !ok {
		return nil, ErrNotFound
	}
	r := recordReader{snapshot: v.snapshot}
	return r.read(v.keys[i].at)
}

// search says where a key is, or would be.
func (v *View) search(key string) (i int, ok bool) {
	return slices.BinarySearchFunc(v.keys, key, func(k located, key string) int { return strings.Compare(k.key, key) })
}

// recordReader reads records by their places, up to the first error. It keeps the last page: keys that were written together
// are often read together.
type recordReader struct {
	snapshot *Snapshot
	buf      []byte
	page     bolt.Page // in buf
	id       uint64    // of page; 0 before the first
}

// read gives a record, which has a copy of its own in the result.
func (r *recordReader) read(at place) (*mvccpb.KeyValue, error) {
	p, err := r.pageOf(at)
	if err != nil {
		return nil, err
	}
	if !p.IsLeaf() || at.index >= p.Len() {
		return nil, fmt.Errorf("%w: page %d has changed", ErrCorrupt, at.page)
	}
	key, value, _ := p.Leaf(at.index)
	rev, _ := parseRevision(key)
	rec, err := parseRecord(value, rev)
	if err != nil {
		return nil, err
	}
	return rec.keyValue(), nil
}

func (r *recordReader) pageOf(at place) (p bolt.Page, err error) {
	if at.page == 0 {
		_, p, err = bolt.Bucket(r.snapshot.buckets["key"])
		return p, err
	}
	if at.page == r.id {
		return r.page, nil
	}
	r.page, r.buf, err = r.snapshot.file.Page(at.page, r.buf)
	r.id = at.page
	return r.page, err
}

// keyValue is a copy of a record that is no tombstone.
func (r record) keyValue() *mvccpb.KeyValue {
	return &mvccpb.KeyValue{
		Key:            bytes.Clone(r.key),
		CreateRevision: r.create,
		ModRevision:    r.mod,
		Version:        r.version,
		Value:          bytes.Clone(r.value),
		Lease:          r.lease,
	}
}
