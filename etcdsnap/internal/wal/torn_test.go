package wal

import (
	"errors"
	"io"
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
				disk := append([]byte{}, file...)
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

// A sector that is lost from the middle of a log is not a power failure's doing, and its end is not where it is.
func TestLostSectors(t *testing.T) {
	b := begin(0)
	for i := range uint64(12) {
		b.entry(2, i+1, text(500)).state(2, i+1)
	}
	b.snapshot(12, 2)
	file := b.preallocated()
	for at := 0; at+sector < len(b.b); at += sector {
		disk := append([]byte{}, file...)
		clear(disk[at : at+sector])
		got, err := tailOf(disk)
		if at+2*sector >= len(b.b) { // of the last write
			continue
		}
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("without the sector at %d: %+v, %v, want ErrCorrupt", at, got, err)
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
