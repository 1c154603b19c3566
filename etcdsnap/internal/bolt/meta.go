package bolt

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
)

const (
	headerSize = 16
	metaEnd    = headerSize + 64

	MinPageSize = 4 << 10
	MaxPageSize = 64 << 10
	// maxSize is far above what etcd can use (its quota is 8 GiB at most by its own advice), and
	// keeps products of pages far from overflow.
	maxSize = 1 << 40

	// HeadSize is how much of a file has both meta pages in it, whatever its page size.
	HeadSize = 2 * MaxPageSize

	magic       = 0xED0CDAED
	fileVersion = 2
	noFreelist  = 1<<64 - 1
)

var le = binary.LittleEndian

// Meta is what a meta page states.
type Meta struct {
	PageSize int    // bytes
	Root     uint64 // page of the root bucket
	Freelist uint64 // page of the free list, if HasFreelist
	Pages    uint64 // all pages have smaller ids
	Txid     uint64 // of the transaction that wrote it
	Sequence uint64 // of the root bucket; etcd does not use it
}

// Size is how many bytes the pages have that belong to the database. The file can be longer.
func (m Meta) Size() int64 { return int64(m.Pages) * int64(m.PageSize) }

// HasFreelist reports whether the free list is in the file. Etcd's is not: it is found out when the file is opened.
func (m Meta) HasFreelist() bool { return m.Freelist != noFreelist }

// Metas are the two meta pages of a file: those that are valid.
type Metas struct {
	Meta       // the one that counts
	Both  bool // both are valid, and the same but for the transaction, as in a snapshot
	Older Meta // the other one; zero unless valid
}

// ParseMetas reads both meta pages from the first HeadSize bytes of a file, or fewer if that is all. A
// crash may leave one torn, so one that is valid suffices.
func ParseMetas(head []byte) (Metas, error) {
	first, err := parseMeta(head, 0)
	second, err2 := Meta{}, err
	if err == nil {
		second, err2 = parseMeta(head[min(len(head), first.PageSize):], 1)
	} else {
		// Only the second one knows where it stands.
		for size := MinPageSize; size <= MaxPageSize && err2 != nil; size *= 2 {
			if second, err2 = parseMeta(head[min(len(head), size):], 1); err2 == nil && second.PageSize != size {
				err2 = err
			}
		}
	}
	switch {
	case err != nil && err2 != nil:
		return Metas{}, err
	case err != nil:
		return Metas{Meta: second}, nil
	case err2 != nil || second.PageSize != first.PageSize:
		return Metas{Meta: first}, nil
	case second.Txid > first.Txid:
		first, second = second, first
	}
	same := first
	same.Txid = second.Txid
	return Metas{Meta: first, Both: same == second, Older: second}, nil
}

// parseMeta reads meta page id at the beginning of b.
func parseMeta(b []byte, id uint64) (Meta, error) {
	if len(b) < metaEnd {
		return Meta{}, fmt.Errorf("%w: %d bytes are fewer than a meta page has: %w", ErrCorrupt, len(b), io.ErrUnexpectedEOF)
	}
	body := b[headerSize:metaEnd]
	m := Meta{
		PageSize: int(le.Uint32(body[8:])),
		Root:     le.Uint64(body[16:]),
		Freelist: le.Uint64(body[32:]),
		Pages:    le.Uint64(body[40:]),
		Txid:     le.Uint64(body[48:]),
		Sequence: le.Uint64(body[24:]),
	}
	sum := fnv.New64a()
	sum.Write(body[:56])
	switch {
	case le.Uint32(body) != magic:
		return Meta{}, fmt.Errorf("%w: it does not begin with a meta page of bbolt: is it an etcd v3 snapshot?", ErrCorrupt)
	case le.Uint32(body[4:]) != fileVersion:
		return Meta{}, fmt.Errorf("%w: bbolt file version %d, want %d", ErrCorrupt, le.Uint32(body[4:]), fileVersion)
	case sum.Sum64() != le.Uint64(body[56:]) || le.Uint16(b[8:]) != metaFlag || le.Uint64(b) != id:
		return Meta{}, fmt.Errorf("%w: meta page %d does not have its checksum", ErrCorrupt, id)
	case m.PageSize < MinPageSize || m.PageSize > MaxPageSize || m.PageSize&(m.PageSize-1) != 0:
		return Meta{}, fmt.Errorf("%w: page size %d", ErrCorrupt, m.PageSize)
	case m.Pages < 3 || m.Pages > maxSize/uint64(m.PageSize):
		return Meta{}, fmt.Errorf("%w: the meta page states %d pages", ErrCorrupt, m.Pages)
	case m.Root < 2 || m.Root >= m.Pages:
		return Meta{}, fmt.Errorf("%w: the root bucket is at page %d of %d", ErrCorrupt, m.Root, m.Pages)
	case m.HasFreelist() && (m.Freelist < 2 || m.Freelist >= m.Pages):
		return Meta{}, fmt.Errorf("%w: the free list is at page %d of %d", ErrCorrupt, m.Freelist, m.Pages)
	}
	return m, nil
}

// AppendPages appends both meta pages as bbolt writes them to a copy (Tx.WriteTo): the same, but the second one is of
// the transaction before.
func (m Meta) AppendPages(b []byte) []byte {
	for id := range uint64(2) {
		page := make([]byte, m.PageSize)
		le.PutUint64(page, id)
		le.PutUint16(page[8:], metaFlag)
		body := page[headerSize:]
		le.PutUint32(body, magic)
		le.PutUint32(body[4:], fileVersion)
		le.PutUint32(body[8:], uint32(m.PageSize))
		le.PutUint64(body[16:], m.Root)
		le.PutUint64(body[24:], m.Sequence)
		le.PutUint64(body[32:], m.Freelist)
		le.PutUint64(body[40:], m.Pages)
		le.PutUint64(body[48:], m.Txid-id)
		sum := fnv.New64a()
		sum.Write(body[:56])
		le.PutUint64(body[56:], sum.Sum64())
		b = append(b, page...)
	}
	return b
}
