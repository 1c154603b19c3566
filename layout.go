package clustersnap

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"
)

// The container is zip, written here and not by archive/zip: a reader rebuilds every
// header from the index and compares bytes, so the bytes must never change with a Go
// release. Always zip64 and always a data descriptor: one layout, whatever the sizes.
// The tables of fields stand in doc.go.
const (
	localSig      = 0x04034b50
	descriptorSig = 0x08074b50
	centralSig    = 0x02014b50
	end64Sig      = 0x06064b50
	locatorSig    = 0x07064b50
	endSig        = 0x06054b50

	zipVersion = 45             // zip64
	madeBy     = 3<<8 | 45      // Unix, so that the mode below counts
	zipFlags   = 1<<3 | 1<<11   // sizes follow the data; names are UTF-8
	memberMode = 0o100600 << 16 // a regular file of mode 0600, where unzip restores modes

	localSize      = 30 // and the name
	descriptorSize = 24
	centralSize    = 46 + 28 // and the name
	endSize        = 56 + 20 + 22 + commentSize
	commentSize    = len("clustersnap set 0001 sha256:") + 64
)

// dosTime is a time as zip writes it: two seconds of resolution, no zone. It is UTC here.
type dosTime struct{ time, date uint16 }

func newDOSTime(t time.Time) dosTime {
	t = t.UTC()
	return dosTime{
		time: uint16(t.Hour()<<11 | t.Minute()<<5 | t.Second()/2),
		date: uint16((t.Year()-1980)<<9 | int(t.Month())<<5 | t.Day()),
	}
}

var le = binary.LittleEndian

func appendLocal(b []byte, name string, t dosTime) []byte {
	b = le.AppendUint32(b, localSig)
	b = le.AppendUint16(b, zipVersion)
	b = le.AppendUint16(b, zipFlags)
	b = le.AppendUint16(b, 0) // method: stored
	b = le.AppendUint16(b, t.time)
	b = le.AppendUint16(b, t.date)
	b = append(b, make([]byte, 12)...) // CRC-32 and both sizes: in the descriptor
	b = le.AppendUint16(b, uint16(len(name)))
	b = le.AppendUint16(b, 0) // extra length
	return append(b, name...)
}

func appendDescriptor(b []byte, crc uint32, size int64) []byte {
	b = le.AppendUint32(b, descriptorSig)
	b = le.AppendUint32(b, crc)
	b = le.AppendUint64(b, uint64(size))
	return le.AppendUint64(b, uint64(size))
}

func appendCentral(b []byte, name string, t dosTime, crc uint32, size, offset int64) []byte {
	b = le.AppendUint32(b, centralSig)
	b = le.AppendUint16(b, madeBy)
	b = le.AppendUint16(b, zipVersion)
	b = le.AppendUint16(b, zipFlags)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint16(b, t.time)
	b = le.AppendUint16(b, t.date)
	b = le.AppendUint32(b, crc)
	b = le.AppendUint32(b, 0xffffffff) // both sizes and the offset: in the zip64 extra field
	b = le.AppendUint32(b, 0xffffffff)
	b = le.AppendUint16(b, uint16(len(name)))
	b = le.AppendUint16(b, 28)
	b = append(b, make([]byte, 6)...) // comment length, disk, internal attributes
	b = le.AppendUint32(b, memberMode)
	b = le.AppendUint32(b, 0xffffffff)
	b = append(b, name...)
	b = le.AppendUint16(b, 1) // zip64 extra field
	b = le.AppendUint16(b, 24)
	b = le.AppendUint64(b, uint64(size))
	b = le.AppendUint64(b, uint64(size))
	return le.AppendUint64(b, uint64(offset))
}

// appendEnd closes a directory of count entries that lies at offset and is size bytes long.
func appendEnd(b []byte, count int, offset, size int64, comment string) []byte {
	b = le.AppendUint32(b, end64Sig)
	b = le.AppendUint64(b, 44) // bytes of this record that follow
	b = le.AppendUint16(b, madeBy)
	b = le.AppendUint16(b, zipVersion)
	b = append(b, make([]byte, 8)...) // disks
	b = le.AppendUint64(b, uint64(count))
	b = le.AppendUint64(b, uint64(count))
	b = le.AppendUint64(b, uint64(size))
	b = le.AppendUint64(b, uint64(offset))

	b = le.AppendUint32(b, locatorSig)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint64(b, uint64(offset+size))
	b = le.AppendUint32(b, 1)

	b = le.AppendUint32(b, endSig)
	b = append(b, make([]byte, 4)...)
	b = le.AppendUint16(b, 0xffff)
	b = le.AppendUint16(b, 0xffff)
	b = le.AppendUint32(b, 0xffffffff)
	b = le.AppendUint32(b, 0xffffffff)
	b = le.AppendUint16(b, uint16(len(comment)))
	return append(b, comment...)
}

func comment(indexDigest [32]byte) string {
	return fmt.Sprintf("clustersnap set %04d sha256:%x", formatVersion, indexDigest)
}

// parseComment takes the last commentSize bytes of a set. Every version of the format
// keeps them in this form, so that an old reader can say that a set is newer than itself.
func parseComment(s string) (version int, indexDigest [32]byte, ok bool) {
	var digest string
	n, err := fmt.Sscanf(s, "clustersnap set %04d sha256:%64s", &version, &digest)
	if n != 2 || err != nil {
		return 0, indexDigest, false
	}
	raw, err := hex.DecodeString(digest)
	if err != nil || len(raw) != len(indexDigest) {
		return 0, indexDigest, false
	}
	copy(indexDigest[:], raw)
	return version, indexDigest, true
}
