package wal

import (
	"errors"
	"io"
	"slices"
	"testing"
)

// tailAt gives the tail of a segment with n whole records.
func (b *builder) tailAt(t *testing.T, n int) Tail {
	t.Helper()
	tail, err := tailOf(b.b[:b.ends[n-1]])
	if err != nil {
		t.Fatal(err)
	}
	return tail
}

// A power failure may keep any of the sectors from the disk that etcd wrote since it last synced. Whichever they are,
// the log ends with one of the records, and before the first that is not whole.
func TestPowerFailure(t *testing.T) {
	for name, fill := range map[string]func(*builder){
		"entries and state": func(b *builder) { b.entry(2, 3, text(1500)).entry(2, 4, text(30)).entry(2, 5, text(1000)).state(2, 4) },
		"states alone":      func(b *builder) { b.state(3, 2).state(4, 2).entry(4, 3, text(2500)).state(4, 3) },
		"large entry":       func(b *builder) { b.entry(2, 3, text(4000)) },
		"small entries": func(b *builder) {
			for i := range uint64(60) {
				b.entry(2, 3+i, text(10))
			}
		},
		"snapshot": func(b *builder) {
			b.state(3, 2).add(snapshotKind, raw(varint(varint(nil, 1, 900), 2, 3), 3, []byte(text(2000))))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := begin(0).entry(2, 1, text(77)).state(2, 1).entry(2, 2, text(300)).state(2, 2)
			synced, before := len(b.ends), len(b.b)
			fill(b)
			file := b.preallocated()
			first, last := before/sector, (len(b.b)-1)/sector
			for lost := range 1 << (last - first + 1) {
				disk := slices.Clone(file)
				for i := range last - first + 1 {
					if lost>>i&1 == 1 {
						from := max(before, (first+i)*sector)
						clear(disk[from : (first+i+1)*sector])
					}
				}
				whole := synced
				for whole < len(b.ends) && string(disk[:b.ends[whole]]) == string(file[:b.ends[whole]]) {
					whole++
				}
				if got, err := tailOf(disk); err != nil || got != b.tailAt(t, whole) {
					t.Fatalf("lost %b of %b: %+v (%v), want %+v, of %d records", lost, 1<<(last-first+1)-1, got, err, b.tailAt(t, whole), whole)
				}
			}
		})
	}
}

// A sector that is lost from the middle of a log is no power failure's doing, and the log's end is not there. That shows
// if two whole writes lie behind it.
func TestLostSectors(t *testing.T) {
	for name, write := range map[string]func(b *builder, i uint64, n int){
		"entries": func(b *builder, i uint64, n int) { b.entry(2, i, text(n)).state(2, i) },
		"snapshots": func(b *builder, i uint64, n int) {
			b.state(2, i).add(snapshotKind, raw(varint(nil, 1, i), 3, []byte(text(n))))
		},
	} {
		for n := 400; n < 528; n += 8 { // so that some records begin with a sector
			b := begin(0)
			for i := range uint64(12) {
				write(b, i+1, n)
			}
			file := b.preallocated()
			behind := b.ends[1+2*10]
			for at := 0; at+sector <= behind; at += sector {
				disk := slices.Clone(file)
				clear(disk[at : at+sector])
				if got, err := tailOf(disk); !errors.Is(err, ErrCorrupt) {
					t.Errorf("%s of %d without the sector at %d: %+v, %v, want ErrCorrupt", name, n, at, got, err)
				}
			}
		}
	}
}

// What a client stores can look like a log. It says nothing about the real one.
func TestLogWithinLog(t *testing.T) {
	inner := begin(0)
	for i := range uint64(9) {
		inner.entry(2, i+1, text(20)).state(2, i+1)
	}
	for shift := range 8 {
		b := begin(0).entry(2, 1, text(77)).state(2, 1)
		whole := len(b.ends)
		at := (len(b.b)/sector + 2) * sector
		b.entry(2, 2, text(2000)).entry(2, 3, text(shift+1)+string(inner.b)).state(2, 2)
		file := b.preallocated()
		if got, err := tailOf(file); err != nil || got != b.tailAt(t, len(b.ends)) {
			t.Errorf("shifted by %d: %+v, %v", shift, got, err)
		}
		clear(file[at : at+sector])
		if got, err := tailOf(file); err != nil || got != b.tailAt(t, whole) {
			t.Errorf("shifted by %d and torn: %+v, %v", shift, got, err)
		}
	}
}

// The file may end anywhere: it was copied by something that was interrupted, or has grown beyond what was made in advance.
func TestEveryPrefix(t *testing.T) {
	b := sample()
	for n := range len(b.b) {
		whole := 0
		for whole < len(b.ends) && b.ends[whole] <= n {
			whole++
		}
		got, err := tailOf(b.b[:n])
		if whole < 2 { // whose it is
			if !errors.Is(err, ErrCorrupt) || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%d bytes: %+v, %v, want ErrCorrupt and io.ErrUnexpectedEOF", n, got, err)
			}
		} else if err != nil || got != b.tailAt(t, whole) {
			t.Fatalf("%d bytes: %+v (%v), want %+v", n, got, err, b.tailAt(t, whole))
		}
	}
}

// The end of an older segment has long been on disk.
func TestEveryPrefixOfOlderSegment(t *testing.T) {
	b := begin(0).entry(2, 1, text(40)).state(2, 1)
	newest := begin(b.sum).b
	for n := range len(b.b) {
		dir := save(t, 0, b.b[:n], newest)
		if got, err := ReadTail(dir); !errors.Is(err, ErrCorrupt) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("%d bytes: %+v, %v, want ErrCorrupt and io.ErrUnexpectedEOF", n, got, err)
		}
		if id, err := ReadIdentity(dir); id != me || err != nil {
			t.Fatalf("%d bytes: identity %+v, %v", n, id, err)
		}
	}
}
