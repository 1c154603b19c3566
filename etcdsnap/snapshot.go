package etcdsnap

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/clustersnap/clustersnap/etcdsnap/internal/bolt"
)

// Snapshot reads a snapshot, or a copy of a database file, in place: by pread, and with every length held against what is
// there, so that damage is an error wherever it is met. Opening does not look for it: that is what [Verify] is for. A snapshot may
// be used by many goroutines.
type Snapshot struct {
	file     *bolt.File
	buckets  map[string][]byte // values of the root bucket: of those that are read
	revision int64
	compact  int64
	index    uint64 // consistent
}

// Open opens the snapshot of size bytes in r, which stays the caller's. A digest at the end is not read.
func Open(r io.ReaderAt, size int64) (*Snapshot, error) {
	s := &Snapshot{buckets: map[string][]byte{}}
	err := s.open(r, size)
	if err != nil {
		return nil, fmt.Errorf("open snapshot: %w", err)
	}
	return s, nil
}

func (s *Snapshot) open(r io.ReaderAt, size int64) (err error) {
	if s.file, err = bolt.OpenFile(r, size); err != nil {
		return err
	}
	if err := s.tree(context.Background(), s.file.Root, func(p bolt.Page) error {
		for i := range p.Len() {
			name, value, bucket := p.Leaf(i)
			if !bucket {
				return notBucket(p.ID, i)
			}
			if string(name) == "key" || string(name) == "meta" {
				s.buckets[string(name)] = slices.Clone(value)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	if s.buckets["key"] == nil {
		return fmt.Errorf("%w: it has no bucket of keys: is it an etcd v3 snapshot?", ErrCorrupt)
	}
	w := walk{content: new(Content)}
	if err := s.bucket(context.Background(), "meta", func(p bolt.Page) error {
		for i := range p.Len() {
			key, value, _ := p.Leaf(i)
			if err := w.entry("meta", key, value); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	last, err := s.lastRevision()
	s.compact, s.index = max(w.finished, w.scheduled), w.content.ConsistentIndex
	s.revision = max(1, last, s.compact)
	return err
}

// Revision is the last one, which etcd would have.
func (s *Snapshot) Revision() int64 { return s.revision }

// CompactRevision is the first one that can be read.
func (s *Snapshot) CompactRevision() int64 { return s.compact }

// Content walks all of the tree, as [Verify] does, in memory that hardly grows with the file: 30 bytes for a
// key. Prefix is kube-apiserver's --etcd-prefix; empty means DefaultPrefix.
func (s *Snapshot) Content(ctx context.Context, prefix string) (*Content, error) {
	c, _, err := s.walk(ctx, prefix, 0)
	if err != nil {
		return nil, fmt.Errorf("walk snapshot: %w", err)
	}
	return c, nil
}

func (s *Snapshot) walk(ctx context.Context, prefix string, maxKeys int) (*Content, *bolt.Walker, error) {
	if prefix == "" {
		prefix = DefaultPrefix
	}
	r := newReader(prefix)
	return walkTree(s.file.Meta, &filePages{file: s.file, ctx: ctx, reader: r}, r, newNewest(new(chunks[brief])), maxKeys)
}

// filePages reads pages as a walk asks for them.
type filePages struct {
	file    *bolt.File
	ctx     context.Context // of the one walk
	reader  *reader
	buf     []byte
	last    bolt.Page // a leaf, in buf
	records []counted
}

func (f *filePages) Branch(id uint64) (bolt.Page, bool, error) {
	if err := context.Cause(f.ctx); err != nil {
		return bolt.Page{}, false, err
	}
	p, buf, err := f.file.Page(id, f.buf)
	f.buf = buf
	if err != nil {
		return bolt.Page{}, false, err
	}
	if p.IsLeaf() {
		f.last = p
		return p, false, nil
	}
	return p.Clone(), true, nil
}

// leaf is the page that Branch has just read.
func (f *filePages) leaf(id uint64) (found, error) {
	l, records, ok, err := f.reader.read(f.last, f.records[:0])
	f.records = records
	if err != nil || !ok {
		return found{page: f.last}, err
	}
	return found{keys: true, leaf: l, records: records}, nil
}

// free reads the free list.
func (f *filePages) free(uint64) (bolt.Page, error) { return f.file.FreePages() }

// tree visits the leaf pages of a tree in order. A page is good until visit returns.
func (s *Snapshot) tree(ctx context.Context, root uint64, visit func(bolt.Page) error) error {
	f := &filePages{file: s.file, ctx: ctx}
	return bolt.NewWalker(s.file.Meta, f).Walk(root, func(id uint64, low, high []byte) (uint64, error) {
		if err := f.last.Within(low, high); err != nil {
			return 0, err
		}
		return f.last.Run(), visit(f.last)
	})
}

// bucket visits the leaf pages of a bucket, of which there are none if the bucket is not there.
func (s *Snapshot) bucket(ctx context.Context, name string, visit func(bolt.Page) error) error {
	value, ok := s.buckets[name]
	if !ok {
		return nil
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	root, inline, err := bolt.Bucket(value)
	if err == nil && root == 0 {
		err = visit(inline)
	} else if err == nil {
		err = s.tree(ctx, root, visit)
	}
	if err != nil {
		return fmt.Errorf("bucket %q: %w", name, err)
	}
	return nil
}

// lastRevision goes down the right side of the bucket of keys.
func (s *Snapshot) lastRevision() (int64, error) {
	root, p, err := bolt.Bucket(s.buckets["key"])
	if err == nil && root != 0 {
		p, err = s.file.Last(root)
	}
	if err != nil || p.Len() == 0 {
		return 0, err
	}
	key, _, _ := p.Leaf(p.Len() - 1)
	r, ok := parseRevision(key)
	if !ok {
		return 0, notRevision(p.ID, p.Len()-1)
	}
	return r.main, nil
}

// records visits all records in the order of their revisions. The slices are good until visit returns.
func (s *Snapshot) records(ctx context.Context, visit func(place, revision, record, []byte) error) error {
	return s.bucket(ctx, "key", func(p bolt.Page) error {
		for i := range p.Len() {
			key, value, bucket := p.Leaf(i)
			r, ok := parseRevision(key)
			if !ok || bucket {
				return notRevision(p.ID, i)
			}
			rec, err := parseRecord(value, r)
			if err != nil {
				return err
			}
			if err := visit(place{p.ID, i}, r, rec, value); err != nil {
				return err
			}
		}
		return nil
	})
}

// place is where a record stands: page 0 is the bucket's inline page.
type place struct {
	page  uint64
	index int
}

// walkFile is what a file of a snapshot holds, and where the walk went.
func walkFile(ctx context.Context, r io.ReaderAt, size int64, prefix string, maxKeys int) (*Content, *bolt.Walker, error) {
	s, err := Open(r, size)
	if err != nil {
		return nil, nil, err
	}
	return s.walk(ctx, prefix, maxKeys)
}
