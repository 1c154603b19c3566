package wal

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
)

const (
	wordSize = 8
	// maxRecord bounds what is allocated for a record. etcd takes requests of 1.5 MiB by default, and warns whoever
	// allows more than 10; segments are cut at 64 MB.
	maxRecord = 64 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// scanner reads the records of a segment.
type scanner struct {
	path      string
	r         *bufio.Reader
	size      int64  // of the file
	at, next  int64  // offsets of the frame that was read last, and of the one behind it
	seed, sum uint32 // the checksum of the segments before, and of all so far
	buf       []byte
}

func newScanner(path string, r io.Reader, size int64) *scanner {
	return &scanner{path: path, r: bufio.NewReaderSize(r, 16<<10), size: size}
}

// frame is a record as it lies in the file, with its padding.
type frame struct {
	body         []byte // as much as there is: the file can end in it
	size, padded int    // of the record, and with its padding
}

func (f frame) cut() bool { return len(f.body) < f.padded }

// record reads the next record, whose data is good until the one after it. At the end of the log, the error is
// io.EOF.
func (s *scanner) record() (record, error) {
	f, err := s.frame()
	if err != nil {
		return record{}, err
	}
	var r record
	if f.cut() {
		err = fmt.Errorf("the file ends %d bytes before a record does: %w", f.padded-len(f.body), io.ErrUnexpectedEOF)
	} else if r, err = parseRecord(f.body[:f.size]); err == nil {
		err = s.check(r)
	}
	if err != nil {
		return record{}, s.torn(f, r.kind, err)
	}
	return r, nil
}

// check holds a record's checksum against all data so far. The first record of a segment says what
// that was before.
func (s *scanner) check(r record) error {
	if s.at == 0 && r.kind == sumKind {
		s.seed, s.sum = r.sum, r.sum
		return nil
	}
	sum := crc32.Update(s.sum, castagnoli, r.data)
	if sum != r.sum {
		return fmt.Errorf("a record has the checksum %08x, want %08x", r.sum, sum)
	}
	s.sum = sum
	return nil
}

// frame reads the next frame. At the end of what was written, the error is io.EOF.
func (s *scanner) frame() (frame, error) {
	s.at = s.next
	var head [wordSize]byte
	if _, err := io.ReadFull(s.r, head[:]); errors.Is(err, io.ErrUnexpectedEOF) {
		return frame{}, io.EOF
	} else if err != nil {
		return frame{}, err
	}
	word := binary.LittleEndian.Uint64(head[:])
	if word == 0 {
		return frame{}, s.blank()
	}
	f, ok := parseWord(word)
	if !ok {
		return frame{}, s.damaged(fmt.Errorf("%016x is the length word of no record", word))
	}
	n := int(min(int64(f.padded), max(0, s.size-s.at-wordSize)))
	s.buf = slices.Grow(s.buf[:0], n)[:n]
	n, err := io.ReadFull(s.r, s.buf)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return frame{}, err
	}
	f.body = s.buf[:n]
	s.next = s.at + wordSize + int64(f.padded)
	return f, nil
}

// parseWord gives the sizes in a length word that etcd writes.
func parseWord(word uint64) (f frame, ok bool) {
	size, top := word&(1<<56-1), word>>56
	pad := (8 - size%8) % 8
	if pad > 0 {
		pad |= 0x80
	}
	return frame{size: int(size), padded: int(size + pad&7)}, size <= maxRecord && top == pad
}

func (s *scanner) damaged(why error) error {
	return fmt.Errorf("%s at offset %d: %w: %w", s.path, s.at, ErrCorrupt, why)
}
