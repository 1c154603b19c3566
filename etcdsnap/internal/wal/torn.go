package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// sector is what a disk writes whole or not at all, as etcd assumes: its minSectorSize.
const sector = 512

// torn judges a record that is not what etcd wrote. It gives io.EOF if the power failed while it was written, and the
// log ends before it; or else damage, which why explains.
//
// Such a record lacks sectors, which are zero as the segment was made, or the end of the file. etcd goes by that
// alone (isTornEntry in its decoder.go), and cuts the log there as it starts. So it shortens also a log that has lost a
// sector in its middle, or has a bad length. Here what is there of the record has to agree with its length, and
// what lies behind it has to be of the same write.
func (s *scanner) torn(f frame, kind uint64, why error) error {
	there := f.there(s.at)
	if len(there) == f.padded || contradicts(there, f.size) {
		return s.damaged(why)
	}
	return s.endBefore(kind, why)
}

// blank judges a length word of zero. It is the end, io.EOF, if the rest of its sector is zero too, of which no write
// leaves a part, and nothing lies behind it but what was written last.
func (s *scanner) blank() error {
	rest := (sector - int(s.at+wordSize)%sector) % sector
	b, err := s.r.Peek(rest)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	why := errors.New("nothing was written here, and the log goes on behind it")
	if !zero(b) {
		return s.damaged(why)
	}
	return s.endBefore(0, why)
}

// endBefore gives io.EOF if what lies behind a place where a record of a kind is not whole, or 0 where none is, can be
// of the same write, or else damage. etcd syncs once it has written entries with the state that follows them, or
// a snapshot; only states alone go without (wal.Save, raft.MustSync). What is behind a sync was not on its way
// together with what was before.
func (s *scanner) endBefore(kind uint64, why error) error {
	entries, synced := false, false
	for {
		switch kind {
		case 0: // it is not there to tell
		case entryKind:
			entries = true
		case stateKind:
			synced = entries
		default:
			synced = true
		}
		var err error
		if kind, err = s.skim(); err != nil {
			return err
		}
		if synced {
			return s.damaged(why)
		}
	}
}

// skim skips to the next record whose head is there, and past it. Lengths don't lead to it, since words can be lost
// too.
func (s *scanner) skim() (kind uint64, err error) {
	for {
		b, err := s.r.Peek(len(zeros))
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if len(b) < wordSize+headSize {
			return 0, io.EOF
		}
		skip := wordSize
		if zero(b) {
			skip = len(b)
		} else if f, ok := parseWord(binary.LittleEndian.Uint64(b)); ok && !contradicts(b[wordSize:][:headSize], f.size) {
			kind = uint64(b[wordSize+1])
			skip += f.padded
		}
		if _, err := s.r.Discard(skip); err != nil || kind != 0 {
			return kind, err
		}
	}
}

// there gives the part of a frame at an offset that lies before the first sector, or share of one, that is zero.
func (f frame) there(at int64) []byte {
	at += wordSize
	for i := 0; i < len(f.body); {
		n := min(len(f.body)-i, sector-int((at+int64(i))%sector))
		if zero(f.body[i : i+n]) {
			return f.body[:i]
		}
		i += n
	}
	return f.body
}

// headSize is more than etcd writes of a record before its data.
const headSize = 16

// contradicts reports whether the beginning of a record, as far as it is there, is not that of one of size bytes with
// data.
func contradicts(there []byte, size int) bool {
	rest, value := there, uint64(0)
	for _, tag := range [...]byte{0x08, 0x10, 0x1a} { // kind, checksum, length of the data: in this order etcd writes
		if len(rest) == 0 {
			return false
		}
		if rest[0] != tag {
			return true
		}
		var n int
		if value, n = protowire.ConsumeVarint(rest[1:]); n < 0 {
			return !errors.Is(protowire.ParseError(n), io.ErrUnexpectedEOF)
		}
		rest = rest[1+n:]
	}
	return value != uint64(size-len(there)+len(rest))
}

var zeros [8 * sector]byte

func zero(b []byte) bool { return bytes.Equal(b, zeros[:len(b)]) }
