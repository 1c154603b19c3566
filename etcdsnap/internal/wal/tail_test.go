package wal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// segments gives a log of several: each is built on the checksum of the one before.
func segments(fill ...func(*builder)) [][]byte {
	var all [][]byte
	var sum uint32
	for _, f := range fill {
		b := begin(sum)
		f(b)
		sum = b.sum
		all = append(all, b.b)
	}
	all[len(all)-1] = append(all[len(all)-1], make([]byte, 2000)...)
	return all
}

func TestTail(t *testing.T) {
	old := func(b *builder) { b.entry(2, 700, "a").entry(2, 701, "b").state(2, 640) }
	for _, c := range []struct {
		name                string
		fill                []func(*builder)
		index, term, commit uint64
	}{
		{"nothing yet", []func(*builder){
			func(b *builder) { b.snapshot(0, 0) },
		}, 0, 0, 0},
		{"entries and states", []func(*builder){
			func(b *builder) { b.entry(2, 1, "").state(2, 0).entry(2, 2, "x").state(3, 1).entry(3, 3, "x") },
		}, 3, 3, 1},
		{"entries that replace others", []func(*builder){
			func(b *builder) { b.entry(2, 7, "x").entry(2, 8, "x").entry(2, 9, "x").entry(5, 8, "y").state(5, 7) },
		}, 8, 5, 7},
		{"snapshot of its own", []func(*builder){
			func(b *builder) { b.entry(2, 7, "x").entry(2, 8, "x").state(2, 8).snapshot(7, 2) },
		}, 8, 2, 8},
		{"snapshot of the leader", []func(*builder){
			func(b *builder) { b.entry(2, 7, "x").state(2, 7).snapshot(100, 4).state(4, 100) },
		}, 100, 4, 100},
		{"entry behind a leader's snapshot", []func(*builder){
			func(b *builder) { b.entry(2, 7, "x").snapshot(100, 4).entry(4, 101, "x").state(4, 100) },
		}, 101, 4, 100},
		{"snapshot first, and far from the entry before it", []func(*builder){
			old, func(b *builder) { b.snapshot(600, 2).entry(2, 702, "x").state(2, 701) },
		}, 702, 2, 701},
		{"no entries in the newest", []func(*builder){
			old, func(b *builder) { b.state(3, 701) },
		}, 701, 2, 701},
		{"no entries in the newest, but a snapshot of its own", []func(*builder){
			old, func(b *builder) { b.state(3, 701).snapshot(650, 2) },
		}, 701, 2, 701},
		{"no entries in the newest, but a snapshot of the leader", []func(*builder){
			old, func(b *builder) { b.state(3, 701).snapshot(900, 3) },
		}, 900, 3, 701},
		{"no states in the newest", []func(*builder){
			old, func(b *builder) { b.entry(3, 702, "x") },
		}, 702, 3, 640},
		{"entries that replace those of the segment before", []func(*builder){
			old, func(b *builder) { b.entry(3, 650, "x") },
		}, 650, 3, 640},
		{"nothing in the two newest", []func(*builder){
			old, func(*builder) {}, func(b *builder) { b.snapshot(600, 2) },
		}, 701, 2, 640},
		{"fields of a newer etcd, and none of what is zero", []func(*builder){
			func(b *builder) {
				b.add(entryKind, varint(varint(varint(nil, 2, 2), 3, 7), 15, 1)).state(2, 7)
				b.add(snapshotKind, varint(nil, 15, 1))
			},
		}, 7, 2, 7},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := Tail{me, c.index, c.term, c.commit}
			// Segment 0 is in some and not in others.
			for first := range 2 {
				if c.index == 0 && first > 0 {
					continue
				}
				dir := save(t, first, segments(c.fill...)...)
				for _, name := range []string{"0.tmp", "1.tmp", segmentName(9) + ".broken", "f-e.wal", segmentName(8) + ".tmp", ".wal"} {
					put(t, dir, name, []byte("not of the log"))
				}
				if got, err := ReadTail(dir); got != want || err != nil {
					t.Errorf("from segment %d on: %+v (%v), want %+v", first, got, err, want)
				}
				if id, err := ReadIdentity(dir); id != me || err != nil {
					t.Errorf("identity %+v (%v)", id, err)
				}
			}
		})
	}
}

// What is older than needed may be gone, or whatever it likes.
func TestTailStopsEarly(t *testing.T) {
	all := segments(
		func(b *builder) { b.entry(2, 1, "x").state(2, 1) },
		func(b *builder) { b.entry(2, 2, "x").state(2, 2) },
	)
	all[0] = []byte("damaged")
	if got, err := ReadTail(save(t, 0, all...)); got != (Tail{me, 2, 2, 2}) || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestLogsThatDoNotFit(t *testing.T) {
	empty := func(*builder) {}
	all := segments(func(b *builder) { b.entry(2, 1, "x").state(2, 1) }, empty, empty)
	other := Identity{Member: 1, Cluster: me.Cluster}
	more := begin(0).entry(2, 1, "x").state(2, 1).entry(2, 2, "x")
	others := (&builder{}).add(sumKind, nil).add(metadataKind, metadata(other)).entry(1, 1, "x").state(1, 1)
	for _, c := range []struct{ name, why, dir string }{
		{"one between is missing", "before it is missing", save(t, 0, all[0], all[1], all[2])},
		{"the oldest is missing", "before it is missing", save(t, 1, all[1], all[2])},
		{"two have the same number", "before it is missing", save(t, 0, all...)},
		{"another member's", "of another member", save(t, 0, others.b, begin(others.sum).b)},
		{"another member's within", "of two members", save(t, 0, begin(0).add(metadataKind, metadata(other)).b)},
		{"cut between two records", "does not go on", save(t, 0, more.b[:more.ends[3]], begin(more.sum).b)},
		{"a gap", "follows on", save(t, 0, begin(0).entry(2, 1, "x").entry(2, 3, "x").b)},
	} {
		t.Run(c.name, func(t *testing.T) {
			switch c.name {
			case "one between is missing":
				os.Remove(filepath.Join(c.dir, segmentName(1)))
			case "two have the same number":
				put(t, c.dir, "0000000000000001-0000000000000001.wal", all[1])
			}
			if got, err := ReadTail(c.dir); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), c.why) {
				t.Errorf("%+v, %v, want ErrCorrupt that %s", got, err, c.why)
			}
		})
	}
}

func TestNoLog(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "0.tmp", begin(0).b)
	for _, dir := range []string{dir, filepath.Join(dir, "missing")} {
		if _, err := ReadIdentity(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, want fs.ErrNotExist", dir, err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, segmentName(1)), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadTail(dir); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a directory for a segment: %v, want ErrCorrupt", err)
	}
}

func TestImmenseSegment(t *testing.T) {
	dir := save(t, 0, begin(0).b)
	if err := os.Truncate(filepath.Join(dir, segmentName(0)), 1<<40); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadIdentity(dir); !errors.Is(err, ErrCorrupt) {
		t.Errorf("%v, want ErrCorrupt", err)
	}
}

// etcd removes what it needs no more, between our listing and our opening.
func TestSegmentsVanish(t *testing.T) {
	all := segments(
		func(b *builder) { b.entry(2, 1, "x").state(2, 1) },
		func(b *builder) { b.entry(2, 2, "x").state(2, 2) },
	)
	dir := save(t, 0, all[0])
	calls := 0
	got, err := read(dir, func(segments []segment) (stretch, error) {
		if calls++; calls == 1 {
			put(t, dir, segmentName(1), all[1])
			if err := os.Remove(segments[0].path); err != nil {
				t.Fatal(err)
			}
		}
		return scan(segments[0], (*scanner).stretch)
	})
	if got.Tail != (Tail{me, 2, 2, 2}) || err != nil || calls != 2 {
		t.Errorf("%+v, %v, after %d calls", got.Tail, err, calls)
	}
}

// A record is read while etcd copies it into the file, and not all of it is there yet.
func TestRecordInTheMaking(t *testing.T) {
	b := begin(0).entry(2, 1, "x").state(2, 1).entry(2, 2, text(200))
	whole := b.preallocated()
	half := append(append([]byte{}, whole[:len(b.b)-50]...), make([]byte, 2050)...)
	dir := save(t, 0, half)
	calls := 0
	got, err := read(dir, func(segments []segment) (stretch, error) {
		calls++
		s, err := scan(segments[0], (*scanner).stretch)
		put(t, dir, segmentName(0), whole)
		return s, err
	})
	if got.Tail != (Tail{me, 2, 2, 1}) || err != nil || calls != 2 {
		t.Errorf("%+v, %v, after %d calls", got.Tail, err, calls)
	}
}

func TestReadingEnds(t *testing.T) {
	dir := save(t, 0, begin(0).b)
	for _, fault := range []error{ErrCorrupt, fs.ErrNotExist} {
		calls := 0
		_, err := read(dir, func([]segment) (Tail, error) { calls++; return Tail{}, fault })
		if !errors.Is(err, fault) || calls != attempts {
			t.Errorf("%v after %d calls, want %v after %d", err, calls, fault, attempts)
		}
	}
}
