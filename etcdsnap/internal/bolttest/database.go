package bolttest

import (
	"crypto/sha256"
	"hash/fnv"
)

// NoFreelist is the page of a free list that is not in the file.
const NoFreelist = 1<<64 - 1

// Database is a file that has been laid out. Its meta pages are written when its bytes are asked for.
type Database struct {
	PageSize int
	Root     uint64 // page of the root bucket
	Freelist uint64
	Txid     uint64
	Free     []uint64
	// Leaves and Branches are the pages of each bucket, in the order of their keys, from below: a root comes last.
	Leaves, Branches map[string][]uint64

	data []byte
}

// Pages is how many there are, the meta pages included.
func (db *Database) Pages() int { return len(db.data) / db.PageSize }

// Page is a page to the end of the database, to be edited.
func (db *Database) Page(id uint64) []byte { return db.data[int(id)*db.PageSize:] }

// Put replaces a page.
func (db *Database) Put(id uint64, page []byte) { copy(db.Page(id), page) }

// Append adds a page behind the last one, whose number it gives.
func (db *Database) Append(page []byte) uint64 {
	db.data = append(db.data, page...)
	return uint64((len(db.data) - len(page)) / db.PageSize)
}

// Bytes is the file as bbolt copies it: both meta pages say the same, but for the transaction.
func (db *Database) Bytes() []byte {
	b := append([]byte(nil), db.data...)
	for id := range uint64(2) {
		copy(b[int(id)*db.PageSize:], db.meta(id, db.Txid-id))
	}
	return b
}

// Snapshot is what etcd sends: the file and its digest.
func (db *Database) Snapshot() []byte { return Sealed(db.Bytes()) }

// Sealed is b and its digest.
func Sealed(b []byte) []byte {
	sum := sha256.Sum256(b)
	return append(b[:len(b):len(b)], sum[:]...)
}

func (db *Database) meta(id, txid uint64) []byte {
	page := append(begin(id, MetaKind, 0), make([]byte, 64)...)
	m := page[header:]
	le.PutUint32(m, 0xED0CDAED)
	le.PutUint32(m[4:], 2)
	le.PutUint32(m[8:], uint32(db.PageSize))
	le.PutUint64(m[16:], db.Root)
	le.PutUint64(m[32:], db.Freelist)
	le.PutUint64(m[40:], uint64(db.Pages()))
	le.PutUint64(m[48:], txid)
	Checksum(page)
	return page
}

// Checksum makes an edited meta page valid.
func Checksum(page []byte) {
	sum := fnv.New64a()
	sum.Write(page[header : header+56])
	le.PutUint64(page[header+56:], sum.Sum64())
}
