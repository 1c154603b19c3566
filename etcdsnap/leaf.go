package etcdsnap

import (
	"fmt"
	"hash/maphash"

	"github.com/clustersnap/clustersnap/etcdsnap/internal/bolt"
)

// leaf is what is kept of a leaf page of the bucket "key", instead of the page.
type leaf struct {
	id                  uint32 // page ids stay below 2^28: see bolt's bound on sizes
	run                 uint16 // pages
	count               uint16 // records
	start               uint32 // of its records among all that are kept
	size                uint32 // bytes of keys and values, which sum is of
	sum                 crc
	firstSub, lastSub   uint32
	firstGone, lastGone bool // tombstones
	firstMain, lastMain int64
}

func (l *leaf) first() revision { return revision{l.firstMain, int64(l.firstSub), l.firstGone} }
func (l *leaf) last() revision  { return revision{l.lastMain, int64(l.lastSub), l.lastGone} }

// brief is what is kept of a record.
type brief struct {
	key      uint64 // hash, of a seed that nobody knows beforehand
	size     uint32 // bytes of the key and its value, as stored
	resource uint16
	flags    uint16
}

const (
	isTombstone = 1 << iota
	isKeyless   // what a restore with a raised revision leaves
)

// reader makes leaves of pages.
type reader struct {
	seed  maphash.Seed
	names *resources
}

// read makes a leaf of a page if all its keys are revisions, and appends its records. Others are not ok.
func (r *reader) read(p bolt.Page, records []counted) (l leaf, out []counted, ok bool, err error) {
	if p.Len() == 0 {
		return leaf{}, records, false, nil
	}
	l = leaf{id: uint32(p.ID), run: uint16(p.Run()), count: uint16(p.Len()), start: uint32(len(records))}
	var last revision
	for i := range p.Len() {
		key, value, bucket := p.Leaf(i)
		rev, ok := parseRevision(key)
		if !ok || bucket {
			return leaf{}, records[:l.start], false, nil
		}
		rec, err := parseRecord(value, rev)
		if err != nil {
			return leaf{}, records[:l.start], true, err
		}
		if i == 0 {
			l.firstMain, l.firstSub, l.firstGone = rev.main, uint32(rev.sub), rev.tombstone
		} else if !rev.after(last) {
			return leaf{}, records[:l.start], true, twice(rev)
		}
		last = rev
		records = append(records, counted{brief: r.brief(rev, rec, len(value))})
		l.sum = l.sum.add(key).add(value)
		l.size += uint32(len(key) + len(value))
	}
	l.lastMain, l.lastSub, l.lastGone = last.main, uint32(last.sub), last.tombstone
	return l, records, true, nil
}

// twice is for a revision that is there with and without the mark of a tombstone.
func twice(r revision) error {
	return fmt.Errorf("%w: revision %d.%d is there twice", bolt.ErrCorrupt, r.main, r.sub)
}

func (r *reader) brief(rev revision, rec record, size int) brief {
	b := brief{size: uint32(size)}
	if len(rec.key) == 0 {
		b.flags |= isKeyless
		return b
	}
	if rev.tombstone {
		b.flags |= isTombstone
	}
	b.key, b.resource = maphash.Bytes(r.seed, rec.key), r.names.of(rec.key)
	return b
}

func newReader(prefix string) *reader {
	return &reader{seed: maphash.MakeSeed(), names: newResources(prefix)}
}

// found reads a leaf page that is at hand.
func (r *reader) found(p bolt.Page) (found, error) {
	l, records, ok, err := r.read(p, nil)
	if err != nil || !ok {
		return found{page: p}, err
	}
	return found{keys: true, leaf: l, records: records}, nil
}
