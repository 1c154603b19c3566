package bolttest

import "bytes"

// Packed is the pages of a database without the zeros at their ends, each behind its length: what a fuzzer changes
// is then rarely padding.
func (db *Database) Packed() (b []byte) {
	for id := 2; id < db.Pages(); id++ {
		page := bytes.TrimRight(db.Page(uint64(id))[:db.PageSize], "\x00")
		b = append(le.AppendUint16(b, uint16(len(page))), page...)
	}
	return b
}

// Unpack makes a database of what is packed, or of anything else. Its root bucket is at page 2.
func Unpack(pageSize int, b []byte) *Database {
	db := &Database{PageSize: pageSize, Root: 2, Freelist: NoFreelist, Txid: 7, data: make([]byte, 2*pageSize)}
	for len(b) > 2 {
		n := min(int(le.Uint16(b)), pageSize, len(b)-2)
		page := make([]byte, pageSize)
		copy(page, b[2:2+n])
		db.Append(page)
		b = b[2+n:]
	}
	return db
}
