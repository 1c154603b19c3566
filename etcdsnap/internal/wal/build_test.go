package wal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// builder lays a segment out as etcd does.
type builder struct {
	b    []byte
	sum  uint32
	ends []int // where the records end
}

var me = Identity{Member: 0x8e9e05c52164694d, Cluster: 0xcdf818194e3a8c32}

// begin starts a segment behind one that ended with a checksum.
func begin(sum uint32) *builder {
	return (&builder{sum: sum}).add(sumKind, nil).add(metadataKind, metadata(me))
}

func (b *builder) add(kind uint64, data []byte) *builder {
	b.sum = crc32.Update(b.sum, castagnoli, data)
	record := varint(varint(nil, 1, kind), 2, uint64(b.sum))
	if data != nil {
		record = raw(record, 3, data)
	}
	return b.frame(record)
}

func (b *builder) frame(record []byte) *builder {
	word, pad := uint64(len(record)), -len(record)&7
	if pad > 0 {
		word |= uint64(0x80|pad) << 56
	}
	b.b = append(binary.LittleEndian.AppendUint64(b.b, word), record...)
	b.b = append(b.b, make([]byte, pad)...)
	b.ends = append(b.ends, len(b.b))
	return b
}

func (b *builder) entry(term, index uint64, data string) *builder {
	return b.add(entryKind, entry(0, term, index, data))
}

func (b *builder) state(term, commit uint64) *builder {
	return b.add(stateKind, state(term, me.Member, commit))
}

func (b *builder) snapshot(index, term uint64) *builder {
	return b.add(snapshotKind, raw(varint(varint(nil, 1, index), 2, term), 3, varint(nil, 1, me.Member)))
}

// preallocated gives the segment with zeros behind it.
func (b *builder) preallocated() []byte { return slices.Concat(b.b, make([]byte, 2000)) }

func metadata(id Identity) []byte { return varint(varint(nil, 1, id.Member), 2, id.Cluster) }

func entry(typ, term, index uint64, data string) []byte {
	b := varint(varint(varint(nil, 1, typ), 2, term), 3, index)
	if data != "" {
		b = raw(b, 4, []byte(data))
	}
	return b
}

func state(term, vote, commit uint64) []byte {
	return varint(varint(varint(nil, 1, term), 2, vote), 3, commit)
}

func varint(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func raw(b []byte, field protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
}

// text gives n bytes of which none is zero.
func text(n int) string {
	return string(bytes.Repeat([]byte("All work and no play. "), n/22+1)[:n])
}

// save writes segments into a directory, the first with sequence number first.
func save(t testing.TB, first int, segments ...[]byte) string {
	t.Helper()
	dir := t.TempDir()
	for i, b := range segments {
		put(t, dir, segmentName(first+i), b)
	}
	return dir
}

func segmentName(sequence int) string { return fmt.Sprintf("%016x-%016x.wal", sequence, sequence*1000) }

func put(t testing.TB, dir, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// tailOf scans one segment from memory.
func tailOf(b []byte) (Tail, error) {
	s, err := newScanner("segment", bytes.NewReader(b), int64(len(b))).stretch()
	return s.Tail, err
}
