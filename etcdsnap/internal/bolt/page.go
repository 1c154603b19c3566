package bolt

import (
	"bytes"
	"fmt"
)

const (
	branchFlag   = 0x01
	leafFlag     = 0x02
	metaFlag     = 0x04
	freelistFlag = 0x10
	bucketFlag   = 0x01 // of an element

	elementSize = 16 // of both kinds
	bucketSize  = 16 // of a bucket's value, before an inline page

	// maxRun bounds the pages of one run, in bytes: etcd takes requests of 1.5 MiB by default, and 10 MiB is the most
	// that its documentation advises.
	maxRun = 64 << 20
)

// Page is a branch or leaf page, its overflow included, whose elements all lie within it, one behind the other and in
// strictly ascending order. Or it is the free list.
type Page struct {
	ID   uint64
	data []byte // to the end of its last element
	kind uint16
	n    int
}

// runOf says how many pages the page at the beginning of b takes: 0 if it is no branch or leaf page with that id, and not
// the free list.
func runOf(b []byte, id uint64, m Meta) (run uint64, err error) {
	if len(b) < headerSize || le.Uint64(b) != id {
		return 0, nil
	}
	if kind := le.Uint16(b[8:]); kind != branchFlag && kind != leafFlag && (kind != freelistFlag || id != m.Freelist) {
		return 0, nil
	}
	run = 1 + uint64(le.Uint32(b[12:]))
	if run > m.Pages-id || run > maxRun/uint64(m.PageSize) {
		return 0, fmt.Errorf("%w: page %d states that it takes %d pages", ErrCorrupt, id, run)
	}
	return run, nil
}

// parsePage checks the page of an id that fills b.
func parsePage(b []byte, id uint64) (Page, error) {
	p := Page{ID: id, data: b, kind: le.Uint16(b[8:]), n: int(le.Uint16(b[10:]))}
	if p.kind == freelistFlag {
		return parseFreelist(p)
	}
	end := headerSize + p.n*elementSize
	if end > len(b) {
		return p, fmt.Errorf("%w: page %d has %d elements in %d bytes", ErrCorrupt, id, p.n, len(b))
	}
	var last []byte
	for i := range p.n {
		key, stop, err := p.bound(i, end)
		if err != nil {
			return p, err
		}
		if i > 0 && bytes.Compare(last, key) >= 0 {
			return p, fmt.Errorf("%w: page %d: key %d is not above the one before", ErrCorrupt, id, i)
		}
		last, end = key, stop
	}
	p.data = b[:end]
	return p, nil
}

// bound holds element i against the page, and gives its key and where it ends. It begins behind the element before, as
// bbolt writes them: a few bytes that many elements share would be work without end.
func (p Page) bound(i, before int) (key []byte, stop int, err error) {
	at := headerSize + i*elementSize
	e := p.data[at : at+elementSize]
	flags, pos, ksize, vsize := uint32(0), uint64(le.Uint32(e)), uint64(le.Uint32(e[4:])), uint64(0)
	if p.IsLeaf() {
		flags, pos, ksize, vsize = le.Uint32(e), uint64(le.Uint32(e[4:])), uint64(le.Uint32(e[8:])), uint64(le.Uint32(e[12:]))
	}
	start := uint64(at) + pos // a position counts from its element
	switch {
	case start+ksize+vsize > uint64(len(p.data)):
		return nil, 0, fmt.Errorf("%w: page %d: element %d lies outside of it", ErrCorrupt, p.ID, i)
	case start < uint64(before):
		return nil, 0, fmt.Errorf("%w: page %d: element %d lies over what is before it", ErrCorrupt, p.ID, i)
	case ksize == 0:
		return nil, 0, fmt.Errorf("%w: page %d: element %d has no key", ErrCorrupt, p.ID, i)
	case flags&^bucketFlag != 0:
		return nil, 0, fmt.Errorf("%w: page %d: element %d has the flags %#x", ErrCorrupt, p.ID, i, flags)
	}
	return p.data[start : start+ksize], int(start + ksize + vsize), nil
}

// IsLeaf reports whether it is a leaf page.
func (p Page) IsLeaf() bool { return p.kind == leafFlag }

// IsBranch reports whether it is a branch page.
func (p Page) IsBranch() bool { return p.kind == branchFlag }

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

// Run is how many pages it takes, its overflow included.
func (p Page) Run() uint64 { return 1 + uint64(le.Uint32(p.data[12:])) }

// Bucket is what the value of a bucket element states: its root page, or its inline page if root is 0.
func Bucket(value []byte) (root uint64, inline Page, err error) {
	if len(value) < bucketSize {
		return 0, Page{}, fmt.Errorf("%w: a bucket has %d bytes", ErrCorrupt, len(value))
	}
	if root = le.Uint64(value); root != 0 {
		return root, Page{}, nil
	}
	b := value[bucketSize:]
	if len(b) < headerSize || le.Uint64(b) != 0 || le.Uint16(b[8:]) != leafFlag || le.Uint32(b[12:]) != 0 {
		return 0, Page{}, fmt.Errorf("%w: an inline bucket is no leaf page", ErrCorrupt)
	}
	inline, err = parsePage(b, 0)
	return 0, inline, err
}

// Child is an element of a branch page.
type Child struct {
	Key []byte
	ID  uint64
}

// MakeBranch makes a branch page again of what was kept of one.
func MakeBranch(id, run uint64, children []Child) Page {
	b := make([]byte, headerSize+len(children)*elementSize)
	le.PutUint64(b, id)
	le.PutUint16(b[8:], branchFlag)
	le.PutUint16(b[10:], uint16(len(children)))
	le.PutUint32(b[12:], uint32(run-1))
	for i, c := range children {
		at := headerSize + i*elementSize
		le.PutUint32(b[at:], uint32(len(b)-at))
		le.PutUint32(b[at+4:], uint32(len(c.Key)))
		le.PutUint64(b[at+8:], c.ID)
		b = append(b, c.Key...)
	}
	return Page{ID: id, data: b, kind: branchFlag, n: len(children)}
}
