package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/iotest"
)

// sample is a small segment with records of all kinds, as they begin to look alike.
func sample() *builder {
	return begin(0x12345678).snapshot(0, 0).
		add(entryKind, entry(1, 1, 1, text(20))).state(1, 1).entry(1, 2, "").
		state(2, 1).entry(2, 3, "").entry(2, 4, text(60)).add(stateKind, state(2, 0, 3)).
		entry(2, 5, text(33)).state(2, 4).
		snapshot(3, 2).entry(3, 6, "x").state(3, 6)
}

// A byte that is not as it was written is an error or without effect, with every value and in every place: what
// counts is the end of the log, so each record is its last once.
func TestEveryFlip(t *testing.T) {
	b := sample()
	for n := 2; n <= len(b.ends); n++ {
		file := append(bytes.Clone(b.b[:b.ends[n-1]]), make([]byte, 8)...)
		from, want := 0, b.tailAt(t, n)
		if n > 2 {
			from = b.ends[n-2]
		}
		for at := from; at < len(file); at++ {
			for flip := 1; flip < 256; flip++ {
				file[at] ^= byte(flip)
				if got, err := tailOf(file); err == nil && got != want {
					t.Errorf("record %d, byte %d as %#x: %+v, want %+v", n, at-from, file[at], got, want)
				} else if err != nil && !errors.Is(err, ErrCorrupt) {
					t.Errorf("record %d, byte %d as %#x: %v, want ErrCorrupt", n, at-from, file[at], err)
				}
				file[at] ^= byte(flip)
			}
		}
	}
}

// The same through files, with metadata of more than a sector.
func TestEveryFlipOfIdentity(t *testing.T) {
	b := (&builder{sum: 7}).add(sumKind, nil).add(metadataKind, raw(metadata(me), 9, []byte(text(700))))
	for at := range b.b {
		dir := t.TempDir()
		for _, flip := range []byte{0x01, 0x80, 0xff} {
			file := bytes.Clone(b.b)
			file[at] ^= flip
			put(t, dir, segmentName(0), file)
			if id, err := ReadIdentity(dir); err == nil && id != me || err != nil && !errors.Is(err, ErrCorrupt) {
				t.Fatalf("byte %d of %d ^ %#x: %+v, %v", at, len(b.b), flip, id, err)
			}
		}
	}
}

// What is behind a bad length is never asked for: no more is allocated than the file has.
func TestHostileLengths(t *testing.T) {
	b := sample()
	for _, at := range append([]int{0}, b.ends...) {
		for _, word := range []uint64{
			1, 7, 9, maxRecord - 8, maxRecord, maxRecord + 8, 1 << 31, 1 << 32, 1<<56 - 8, 1<<56 - 1,
			1 << 56, 1 << 63, 0x81<<56 | 7, 0x87<<56 | 1, 0x88<<56 | 8, 1<<64 - 1, 0x81<<56 | (1<<56 - 1),
		} {
			file := b.preallocated()
			binary.LittleEndian.PutUint64(file[at:], word)
			s := newScanner("segment", bytes.NewReader(file), int64(len(file)))
			got, err := s.stretch()
			atEnd := at == len(b.b) && errors.Is(err, nil) && got.Tail == b.tailAt(t, len(b.ends))
			if !errors.Is(err, ErrCorrupt) && !atEnd {
				t.Errorf("%x at %d: %+v, %v", word, at, got, err)
			}
			if cap(s.buf) > 2*len(file) {
				t.Errorf("%x at %d: %d bytes were allocated for a file of %d", word, at, cap(s.buf), len(file))
			}
		}
	}
}

// A file that is as large as its records claim is no reason to believe them.
func TestHostileLengthsInLargeFile(t *testing.T) {
	b := begin(0)
	b.b = binary.LittleEndian.AppendUint64(b.b, maxRecord+8)
	dir := save(t, 0, b.b)
	if err := os.Truncate(filepath.Join(dir, segmentName(0)), 3*maxRecord); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadTail(dir); !errors.Is(err, ErrCorrupt) {
		t.Errorf("%+v, %v, want ErrCorrupt", got, err)
	}
}

func TestHostileRecords(t *testing.T) {
	for name, b := range map[string]*builder{
		"empty":                 {},
		"no checksum first":     (&builder{}).add(metadataKind, metadata(me)),
		"no metadata":           (&builder{}).add(sumKind, nil).entry(1, 1, "x"),
		"metadata of no member": (&builder{}).add(sumKind, nil).add(metadataKind, varint(nil, 2, 7)),
		"metadata of nobody":    (&builder{}).add(sumKind, nil).add(metadataKind, nil),
		"another sum":           begin(0).frame(varint(varint(nil, 1, sumKind), 2, 99)),
		"record without kind":   begin(0).frame(varint(nil, 2, 99)),
		"unknown kind":          begin(0).add(6, []byte("x")),
		"kind of 64 bits":       begin(0).add(1<<32|entryKind, entry(0, 1, 1, "x")),
		"endless varint":        begin(0).add(entryKind, bytes.Repeat([]byte{0xff}, 40)),
		"group in a group":      begin(0).add(entryKind, bytes.Repeat([]byte{0x2b}, 1<<20)),
		"wrong type":            begin(0).add(entryKind, raw(nil, 2, []byte("x"))),
		"data longer than that": begin(0).add(entryKind, []byte{0x22, 0xff, 0xff, 0xff, 0xff, 0x7f}),
		"entry without index":   begin(0).add(entryKind, entry(0, 1, 0, "x")),
		"entry without term":    begin(0).add(entryKind, entry(0, 0, 1, "x")),
		"entry of a later time": begin(0).add(entryKind, entry(3, 1, 1, "x")),
		"state as snapshot":     begin(0).add(snapshotKind, state(2, 1, 7)),
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := tailOf(b.preallocated()); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%+v, %v, want ErrCorrupt", got, err)
			}
		})
	}
}

func TestOneByteAtATime(t *testing.T) {
	b := sample()
	s, err := newScanner("segment", iotest.OneByteReader(bytes.NewReader(b.b)), int64(len(b.b))).stretch()
	if err != nil || s.Tail != (Tail{me, 6, 3, 6}) {
		t.Errorf("%+v, %v", s.Tail, err)
	}
}

func TestReadErrorIsPassedOn(t *testing.T) {
	boom := errors.New("disk on fire")
	b := sample()
	for n := range b.b {
		r := io.MultiReader(bytes.NewReader(b.b[:n]), iotest.ErrReader(boom))
		_, err := newScanner("segment", r, int64(len(b.b))).stretch()
		if !errors.Is(err, boom) || errors.Is(err, ErrCorrupt) {
			t.Fatalf("after %d bytes: %v, want the reader's error alone", n, err)
		}
	}
}

func FuzzSegment(f *testing.F) {
	seeds := [][]byte{sample().b, sample().preallocated(), begin(0).entry(1, 1, text(900)).state(1, 1).b}
	if len(seeds) == 0 {
		f.Fatal("no seeds")
	}
	for _, b := range seeds {
		if _, err := tailOf(b); err != nil {
			f.Fatalf("seed is no segment: %v", err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, err := newScanner("segment", bytes.NewReader(b), int64(len(b))).stretch()
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%v, want ErrCorrupt", err)
			}
			return
		}
		// What is behind the end has no effect.
		again, err := newScanner("segment", bytes.NewReader(b[:whole.end]), whole.end).stretch()
		if err != nil || again != whole {
			t.Fatalf("%+v, and without what is behind the end %+v, %v", whole, again, err)
		}
	})
}

// short spells a record for FuzzRecords.
func short(kind byte, data []byte) []byte { return append([]byte{kind, byte(len(data))}, data...) }

// FuzzRecords gives its data right frames and checksums, which fuzzing does not find: each record is a kind,
// a length and so many bytes.
func FuzzRecords(f *testing.F) {
	seeds := [][]byte{
		slices.Concat(short(entryKind, entry(0, 1, 1, "x")), short(stateKind, state(1, me.Member, 1))),
		slices.Concat(short(snapshotKind, varint(nil, 1, 7)), short(sumKind, nil), short(metadataKind, metadata(me))),
	}
	if len(seeds) == 0 {
		f.Fatal("no seeds")
	}
	for _, b := range seeds {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		segment := begin(0)
		for len(b) >= 2 {
			n := min(int(b[1]), len(b)-2)
			segment.add(uint64(b[0]), b[2:2+n])
			b = b[2+n:]
		}
		tail, err := tailOf(segment.preallocated())
		if err == nil && tail.Identity != me || err != nil && !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%+v, %v", tail, err)
		}
	})
}
