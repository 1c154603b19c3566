package bolt

import (
	"bytes"
	"fmt"
)

const (
	branchFlag = 0x01
	leafFlag   = 0x02
	metaFlag   = 0x04
	bucketFlag = 0x01 // of an element

	elementSize = 16 // of both kinds
	bucketSize  = 16 // of a bucket's value, before an inline page

	// maxRun bounds the pages of one run, in bytes: etcd takes requests of 1.5 MiB by default, and 10 MiB is the most
	// that its documentation advises.
	maxRun = 64 << 20
)

// Page is a branch or leaf page, its overflow included, whose elements all lie within it, in strictly ascending order.
type Page struct {
	ID   uint64
	data []byte // to the end of its last element
	leaf bool
	n    int
}

// runOf says how many pages the page at the beginning of b takes, if it is a branch or leaf page with that id. The
// run ends before the page of number pages.
func runOf(b []byte, id uint64, m Meta) (run uint64, ok bool) {
	if len(b) < headerSize || le.Uint64(b) != id {
		return 0, false
	}
	if flags := le.Uint16(b[8:]); flags != branchFlag && flags != leafFlag {
		return 0, false
	}
	run = 1 + uint64(le.Uint32(b[12:]))
	return run, run <= m.Pages-id && run <= maxRun/uint64(m.PageSize)
}

// parsePage checks the page of an id that fills b.
func parsePage(b []byte, id uint64) (Page, error) {
	p := Page{ID: id, data: b, leaf: le.Uint16(b[8:]) == leafFlag, n: int(le.Uint16(b[10:]))}
	table := headerSize + p.n*elementSize
	if table > len(b) {
		return p, fmt.Errorf("%w: page %d has %d elements in %d bytes", ErrCorrupt, id, p.n, len(b))
	}
	end := table
	var last []byte
	for i := range p.n {
		key, stop, err := p.bound(i, table)
		if err != nil {
			return p, err
		}
		if i > 0 && bytes.Compare(last, key) >= 0 {
			return p, fmt.Errorf("%w: page %d: key %d is not above the one before", ErrCorrupt, id, i)
		}
		last, end = key, max(end, stop)
	}
	p.data = b[:end]
	return p, nil
}

// bound holds element i against the page, and gives its key and where it ends.
func (p Page) bound(i, table int) (key []byte, stop int, err error) {
	at := headerSize + i*elementSize
	e := p.data[at : at+elementSize]
	pos, ksize, vsize := uint64(le.Uint32(e)), uint64(le.Uint32(e[4:])), uint64(0)
	if p.leaf {
		pos, ksize, vsize = uint64(le.Uint32(e[4:])), uint64(le.Uint32(e[8:])), uint64(le.Uint32(e[12:]))
	}
	start := uint64(at) + pos // a position counts from its element
	switch {
	case start < uint64(table) || start+ksize+vsize > uint64(len(p.data)):
		return nil, 0, fmt.Errorf("%w: page %d: element %d lies outside of it", ErrCorrupt, p.ID, i)
	case p.leaf && ksize == 0:
		return nil, 0, fmt.Errorf("%w: page %d: element %d has no key", ErrCorrupt, p.ID, i)
	}
	return p.data[start : start+ksize], int(start + ksize + vsize), nil
}

// IsLeaf tells a leaf page from a branch page.
func (p Page) IsLeaf() bool { return p.leaf }

// Len is the number of elements.
func (p Page) Len() int { return p.n }

// Leaf is element i of a leaf page. The slices are the page's.
func (p Page) Leaf(i int) (key, value []byte, bucket bool) {
	at := headerSize + i*elementSize
	e := p.data[at:]
	k := at + int(le.Uint32(e[4:]))
	v := k + int(le.Uint32(e[8:]))
	return p.data[k:v:v], p.data[v : v+int(le.Uint32(e[12:]))], le.Uint32(e)&bucketFlag != 0
}

// Branch is element i of a branch page: the first key of a child, and its page.
func (p Page) Branch(i int) (key []byte, child uint64) {
	at := headerSize + i*elementSize
	e := p.data[at:]
	k := at + int(le.Uint32(e))
	return p.data[k : k+int(le.Uint32(e[4:]))], le.Uint64(e[8:])
}

// Clone gives a page that holds its own bytes, no more than it needs.
func (p Page) Clone() Page {
	p.data = bytes.Clone(p.data)
	return p
}

// Size is how many bytes the elements and their table take.
func (p Page) Size() int { return len(p.data) }

// Bucket is what the value of a bucket element states: its root page, or its inline page if root is 0.
func Bucket(value []byte) (root uint64, inline Page, err error) {
	if len(value) < bucketSize {
		return 0, Page{}, fmt.Errorf("%w: a bucket has %d bytes", ErrCorrupt, len(value))
	}
	if root = le.Uint64(value); root != 0 {
		return root, Page{}, nil
	}
	b := value[bucketSize:]
	if len(b) < headerSize || le.Uint16(b[8:]) != leafFlag {
		return 0, Page{}, fmt.Errorf("%w: an inline bucket is no leaf page", ErrCorrupt)
	}
	inline, err = parsePage(b, 0)
	return 0, inline, err
}
