package etcdsnap

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/clustersnap/clustersnap/etcdsnap/internal/bolt"
)

// collector keeps of a stream of pages what a walk through the tree needs, since the tree shows only at the end
// which pages are part of it: branch pages, the pages of small buckets, and a summary of each page of
// records. For Kubernetes objects that is about a hundredth of the database.
type collector struct {
	bolt.Scanner
	passed   int64
	reader   *reader
	limit    int // bytes that may be kept; 0 for a share of what has passed
	kept     int
	pages    map[uint64]bolt.Page // branches of small buckets, leaves that are no records, and the free list
	branches map[uint64][]byte    // packed
	leaves   chunks[leaf]         // by page id, as they come
	records  chunks[brief]        // nil once they would be too much
	counted  bool
	roots    int  // pages that are of the root bucket, or were
	dropped  bool // some of those
	given    bool // up: all of it would be too much
	bad      map[uint64]error
	scratch  []counted
}

func newCollector(prefix string, limit int) *collector {
	c := &collector{
		reader:   newReader(prefix),
		limit:    limit,
		pages:    map[uint64]bolt.Page{},
		branches: map[uint64][]byte{},
		counted:  true,
		bad:      map[uint64]error{},
	}
	c.Visit = c.visit
	return c
}

// maxOver is how far a file can go on behind its last page, and more: bbolt makes files longer by 16 MiB (its AllocSize).
const maxOver = 64 << 20

// Write takes the next bytes. What goes on without end is known as such before its end.
func (c *collector) Write(p []byte) (int, error) {
	c.passed += int64(len(p))
	if n, err := c.Scanner.Write(p); err != nil {
		return n, err
	}
	if want := c.Metas.Size() + sha256.Size; c.Ready() && c.passed > want+maxOver {
		return 0, fmt.Errorf("%w: it goes on after the %d bytes that its meta page states", ErrCorrupt, want)
	}
	return len(p), nil
}

const (
	leafSize  = 48 // bytes, of a leaf
	briefSize = 16
	// recordCost is of a record, which may be that of another key: then it is counted in a table at the end.
	recordCost = briefSize + slotSize
	pageCost   = 100 // of a page that is kept, beyond its bytes
	// A quarter of a database stands against hostile ones: honest ones need a hundredth, and with the smallest
	// records a seventh.
	shareOf    = 4
	shareFloor = 64 << 20
	// Free pages can lie over others, but not many of them: each had its place when it was written.
	lookedTimes = 4
	lookedFloor = 512 << 20
	// maxRoots bounds older versions of the root bucket, which every commit writes anew: it is one page, known from the
	// beginning, in all that etcd makes.
	maxRoots = 64
	// maxBad bounds the reasons that are kept: free pages may hold anything.
	maxBad = 1000
)

// visit keeps a page that may be part of the tree.
func (c *collector) visit(p bolt.Page, err error) (more bool) {
	var l leaf
	isKeys := false
	if err == nil && p.IsLeaf() {
		l, c.scratch, isKeys, err = c.reader.read(p, c.scratch[:0])
	}
	switch {
	case err != nil:
		if len(c.bad) < maxBad {
			c.bad[p.ID] = err
		}
	case isKeys:
		c.keep(l)
	case p.IsBranch():
		c.keepBranch(p)
	case p.ID != c.Root && isRoot(p) && c.roots == maxRoots:
		c.dropped = true
	case p.ID != c.Root && isRoot(p):
		c.roots++
		c.keepPage(p)
	default:
		c.keepPage(p)
	}
	if c.kept > c.most() && c.counted {
		c.kept -= c.records.n * recordCost
		c.records, c.counted = chunks[brief]{}, false
	}
	if c.kept > c.most() || c.Looked > lookedFloor+lookedTimes*c.passed {
		c.given, c.pages, c.branches, c.leaves, c.records, c.bad = true, nil, nil, chunks[leaf]{}, chunks[brief]{}, nil
	}
	return !c.given
}

// most is how much may be kept by now. What the meta page says of the size counts for nothing.
func (c *collector) most() int {
	if c.limit > 0 {
		return c.limit
	}
	return shareFloor + int(c.passed/shareOf)
}

func (c *collector) keep(l leaf) {
	l.start = uint32(c.records.n)
	c.leaves.append(l)
	c.kept += leafSize
	if c.counted {
		for _, b := range c.scratch {
			c.records.append(b.brief)
		}
		c.kept += len(c.scratch) * recordCost
	}
}

// keepBranch keeps a branch page, of which most are of the bucket "key".
func (c *collector) keepBranch(p bolt.Page) {
	packed, ok := packBranch(p)
	if !ok {
		c.keepPage(p)
		return
	}
	c.branches[p.ID] = packed
	c.kept += len(packed) + pageCost
}

func (c *collector) keepPage(p bolt.Page) {
	c.pages[p.ID] = p.Clone()
	c.kept += p.Size() + pageCost
}

// isRoot reports whether a page has nothing but buckets, as only leaf pages of the root bucket do.
func isRoot(p bolt.Page) bool {
	if !p.IsLeaf() {
		return false
	}
	for i := range p.Len() {
		if _, _, bucket := p.Leaf(i); !bucket {
			return false
		}
	}
	return p.Len() > 0
}

// Branch gives a branch page that came by.
func (c *collector) Branch(id uint64) (bolt.Page, bool, error) {
	if packed, ok := c.branches[id]; ok {
		return unpackBranch(id, packed), true, nil
	}
	p := c.pages[id]
	return p, p.IsBranch(), nil
}

// free gives the free list, if it came by.
func (c *collector) free(id uint64) (bolt.Page, error) { return c.pages[id], c.bad[id] }

func (c *collector) leaf(id uint64) (found, error) {
	if p := c.pages[id]; p.IsLeaf() {
		return found{page: p}, nil
	}
	i, ok := c.leaves.search(func(l leaf) int { return int(l.id) - int(id) })
	if !ok {
		if err := c.bad[id]; err != nil {
			return found{}, err
		}
		return found{}, fmt.Errorf("%w: page %d is neither branch nor leaf", ErrCorrupt, id)
	}
	l := *c.leaves.at(i)
	f := found{keys: true, leaf: l}
	if c.counted {
		f.records = c.scratch[:0]
		for i := int(l.start); i < int(l.start)+int(l.count); i++ {
			f.records = append(f.records, counted{*c.records.at(i), uint32(i + 1)})
		}
		c.scratch = f.records
	}
	return f, nil
}

// check walks the tree, unless it was too large to be kept: then there is no content.
func (c *collector) check() (*Content, *bolt.Walker, error) {
	if c.given || c.dropped && c.pages[c.Root].IsBranch() {
		return nil, nil, nil
	}
	return walkTree(c.Meta, c, c.reader, newNewest(&c.records), 0)
}

// chunks is a slice that grows without being copied, which would take three times its memory.
type chunks[T any] struct {
	list [][]T
	n    int
}

const chunkLen = 8192

func (c *chunks[T]) append(v T) {
	if c.n%chunkLen == 0 {
		c.list = append(c.list, make([]T, 0, min(c.n, chunkLen))) // the first one grows
	}
	last := &c.list[len(c.list)-1]
	*last = append(*last, v)
	c.n++
}

func (c *chunks[T]) at(i int) *T { return &c.list[i/chunkLen][i%chunkLen] }

// search finds v by what compare says of it, in ascending order.
func (c *chunks[T]) search(compare func(T) int) (int, bool) {
	chunk, ok := slices.BinarySearchFunc(c.list, 0, func(l []T, _ int) int { return compare(l[len(l)-1]) })
	if chunk == len(c.list) {
		return 0, false
	}
	if ok {
		return chunk*chunkLen + len(c.list[chunk]) - 1, true
	}
	i, ok := slices.BinarySearchFunc(c.list[chunk], 0, func(v T, _ int) int { return compare(v) })
	return chunk*chunkLen + i, ok
}
