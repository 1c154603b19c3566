package usage

import (
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"math"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests/storage"
)

// Options say what to count, and how much to list.
type Options struct {
	// Prefix is kube-apiserver's --etcd-prefix; empty is /registry.
	Prefix string
	// Compacted is the revision up to which etcd was compacted. Of what is older, one record of a key is left, which is
	// no change.
	Compacted int64
	// Top is how long the lists of single objects are; 0 is 20. Objects is how many each namespace of a resource lists;
	// 0 is none.
	Top, Objects int
}

// Count counts events, oldest first: etcdsnap's Events yields them. The last one of a key says whether it is live. An error of
// theirs ends it, and is returned.
//
// Memory is needed for each key that is seen: 60 bytes, and its name. Up to 4,096 resources are told apart, and 65,536
// namespaces of resources; of names, the first 253 bytes.
func Count(events iter.Seq2[*mvccpb.Event, error], opts Options) (*Report, error) {
	opts.Prefix = cmp.Or(opts.Prefix, storage.DefaultPrefix)
	if opts.Top <= 0 {
		opts.Top = 20
	}
	c := &counter{
		opts:   opts,
		seed:   maphash.MakeSeed(),
		places: newPlaces(opts.Prefix),
		keys:   newKeys(),
	}
	for e, err := range events {
		if err == nil && (e == nil || e.Kv == nil || len(e.Kv.Key) == 0) {
			err = errors.New("an event has no key")
		}
		if err == nil {
			err = c.add(e)
		}
		if err != nil {
			return nil, fmt.Errorf("count what fills etcd: %w", err)
		}
	}
	return c.report(), nil
}

// counter is one pass.
type counter struct {
	opts     Options
	seed     maphash.Seed
	places   *places
	keys     *keys
	revision int64
}

// removed is the type of a DELETE: the names in mvccpb differ between etcd's versions, the numbers are those of the wire.
const removed = mvccpb.Event_EventType(1)

func (c *counter) add(e *mvccpb.Event) error {
	kv := e.Kv
	k, found := c.keys.find(maphash.Bytes(c.seed, kv.Key))
	if k == nil {
		return fmt.Errorf("more than %d keys", maxKeys)
	}
	if !found {
		var name string
		k.place, name = c.places.of(kv)
		k.name = c.keys.names.keep(name)
	}
	now := record{size: recordSize(kv, e.Type == removed)}
	if e.Type != removed {
		now.live, now.managed, now.version = now.size, managedFields(kv.Value), kv.Version
	}
	p := &c.places.list[k.place]
	p.add(Sizes{Keys: k.isLive(), Bytes: int64(k.live), ManagedFields: int64(k.managed)}.negative())
	k.put(now, kv.ModRevision > c.opts.Compacted)
	p.add(Sizes{k.isLive(), int64(k.live), 1, int64(now.size), int64(k.managed)})
	if e.Type != removed && p.kind == "" {
		p.kind = kindOf(kv.Value)
	}
	c.revision = max(c.revision, kv.ModRevision)
	return nil
}

func (s Sizes) negative() Sizes {
	return Sizes{-s.Keys, -s.Bytes, -s.Records, -s.RecordBytes, -s.ManagedFields}
}

// kindOf is empty if the value does not tell.
func kindOf(value []byte) string {
	meta, err := storage.ReadMeta(value)
	if err != nil {
		return ""
	}
	return short(meta.Kind)
}

// recordSize is how many bytes a record takes as etcd encodes it: the fields of a KeyValue that are not zero, each
// behind a tag of one byte. A tombstone has the key alone (server/storage/mvcc/kvstore_txn.go).
func recordSize(kv *mvccpb.KeyValue, tombstone bool) int {
	size := lengthSize(kv.Key)
	if tombstone {
		return size
	}
	for _, n := range []int64{kv.CreateRevision, kv.ModRevision, kv.Version, kv.Lease} {
		if n != 0 {
			size += 1 + varintSize(uint64(n))
		}
	}
	return size + lengthSize(kv.Value)
}

func lengthSize(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	return 1 + varintSize(uint64(len(b))) + len(b)
}

func varintSize(n uint64) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

// small keeps what does not fit at its most.
func small[T int | int64](n T) uint32 { return uint32(min(max(int64(n), 0), math.MaxUint32)) }
