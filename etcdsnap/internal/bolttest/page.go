package bolttest

import "encoding/binary"

var le = binary.LittleEndian

// The kinds of pages, and the mark on an element that is a bucket.
const (
	BranchKind   = 0x01
	LeafKind     = 0x02
	MetaKind     = 0x04
	FreelistKind = 0x10

	BucketFlag = 0x01
)

const (
	header  = 16
	element = 16
)

// Item is a key of a bucket, and its value.
type Item struct {
	Key, Value []byte
	Flags      uint32 // of its element
}

// Child is an element of a branch page.
type Child struct {
	Key []byte
	ID  uint64
}

// LeafPage is a leaf page with its overflow.
func LeafPage(pageSize int, id uint64, items ...Item) []byte {
	return pad(leaf(id, items), pageSize)
}

// BranchPage is a branch page with its overflow.
func BranchPage(pageSize int, id uint64, children ...Child) []byte {
	b := begin(id, BranchKind, len(children))
	b = append(b, make([]byte, len(children)*element)...)
	for i, c := range children {
		at := header + i*element
		le.PutUint32(b[at:], uint32(len(b)-at))
		le.PutUint32(b[at+4:], uint32(len(c.Key)))
		le.PutUint64(b[at+8:], c.ID)
		b = append(b, c.Key...)
	}
	return pad(b, pageSize)
}

// FreelistPage lists pages.
func FreelistPage(pageSize int, id uint64, free ...uint64) []byte {
	b := begin(id, FreelistKind, min(len(free), 1<<16-1))
	if len(free) >= 1<<16-1 { // then the first of them is the number
		b = le.AppendUint64(b, uint64(len(free)))
	}
	for _, f := range free {
		b = le.AppendUint64(b, f)
	}
	return pad(b, pageSize)
}

func leaf(id uint64, items []Item) []byte {
	b := begin(id, LeafKind, len(items))
	b = append(b, make([]byte, len(items)*element)...)
	for i, item := range items {
		at := header + i*element
		le.PutUint32(b[at:], item.Flags)
		le.PutUint32(b[at+4:], uint32(len(b)-at))
		le.PutUint32(b[at+8:], uint32(len(item.Key)))
		le.PutUint32(b[at+12:], uint32(len(item.Value)))
		b = append(append(b, item.Key...), item.Value...)
	}
	return b
}

func begin(id uint64, kind uint16, count int) []byte {
	b := make([]byte, header)
	le.PutUint64(b, id)
	le.PutUint16(b[8:], kind)
	le.PutUint16(b[10:], uint16(count))
	return b
}

// pad fills the last page, and states how many follow the first.
func pad(b []byte, pageSize int) []byte {
	b = append(b, make([]byte, -len(b)&(pageSize-1))...)
	SetOverflow(b, uint32(len(b)/pageSize-1))
	return b
}

// The fields of a page's header, and of element i of a leaf or branch page.

func SetID(page []byte, id uint64)          { le.PutUint64(page, id) }
func SetKind(page []byte, kind uint16)      { le.PutUint16(page[8:], kind) }
func SetCount(page []byte, n uint16)        { le.PutUint16(page[10:], n) }
func SetOverflow(page []byte, n uint32)     { le.PutUint32(page[12:], n) }
func SetFlags(page []byte, i int, v uint32) { le.PutUint32(page[header+i*element:], v) }
func SetPos(page []byte, i int, v uint32)   { le.PutUint32(page[header+i*element+4:], v) }
func SetKeySize(page []byte, i int, v uint32) {
	le.PutUint32(page[header+i*element+8:], v)
}
func SetValueSize(page []byte, i int, v uint32) {
	le.PutUint32(page[header+i*element+12:], v)
}
func SetBranchPos(page []byte, i int, v uint32)     { le.PutUint32(page[header+i*element:], v) }
func SetBranchKeySize(page []byte, i int, v uint32) { le.PutUint32(page[header+i*element+4:], v) }
func SetChild(page []byte, i int, id uint64)        { le.PutUint64(page[header+i*element+8:], id) }

// ItemAt is the key and the value of element i of a leaf page, in place.
func ItemAt(page []byte, i int) (key, value []byte) {
	at := header + i*element
	k := at + int(le.Uint32(page[at+4:]))
	v := k + int(le.Uint32(page[at+8:]))
	return page[k:v:v], page[v : v+int(le.Uint32(page[at+12:]))]
}

// ChildAt is element i of a branch page.
func ChildAt(page []byte, i int) Child {
	at := header + i*element
	k := at + int(le.Uint32(page[at:]))
	return Child{page[k : k+int(le.Uint32(page[at+4:]))], le.Uint64(page[at+8:])}
}
