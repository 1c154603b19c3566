package bolt_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/clustersnap/clustersnap/etcdsnap/internal/bolt"
	. "github.com/clustersnap/clustersnap/etcdsnap/internal/bolttest"
)

// scan says what a scanner finds in b, by number, when it is written in pieces of n bytes.
func scan(t *testing.T, b []byte, n int) (found map[uint64]string, s *bolt.Scanner) {
	t.Helper()
	found = map[uint64]string{}
	s = &bolt.Scanner{Visit: func(p bolt.Page, err error) bool {
		if _, ok := found[p.ID]; ok {
			t.Errorf("page %d is visited twice", p.ID)
		}
		found[p.ID] = describe(p, err)
		return true
	}}
	for piece := range slices.Chunk(b, n) {
		if m, err := s.Write(piece); m != len(piece) || err != nil {
			t.Fatalf("%d of %d bytes (%v)", m, len(piece), err)
		}
	}
	if err := s.Finish(); err != nil {
		t.Fatal(err)
	}
	return found, s
}

// describe tells all of a page.
func describe(p bolt.Page, err error) string {
	if err != nil {
		return "damaged"
	}
	text := fmt.Sprintf("%d pages, %d bytes", p.Run(), p.Size())
	for i := range p.Len() {
		switch {
		case p.IsLeaf():
			key, value, bucket := p.Leaf(i)
			text += fmt.Sprintf(" %q=%x %v", key, value, bucket)
		case p.IsBranch():
			key, child := p.Branch(i)
			text += fmt.Sprintf(" %q->%d", key, child)
		}
	}
	return text
}

func TestScannerFindsWhatTheFileHas(t *testing.T) {
	t.Parallel()
	for _, pageSize := range []int{4 << 10, 64 << 10} {
		db := sample(pageSize)
		b := db.Bytes()
		file := openFile(t, b)
		want := map[uint64]string{}
		for id := uint64(2); id < file.Pages; id++ {
			if p, _, err := file.Page(id, nil); err == nil {
				want[id] = describe(p, nil)
			}
		}
		list, err := file.FreePages()
		want[db.Freelist] = describe(list, err)
		if len(want) < 20 {
			t.Fatalf("only %d pages", len(want))
		}
		pieces := []int{len(b), 256 << 10, pageSize, pageSize + 1, 4099}
		if pageSize == 4<<10 {
			pieces = append(pieces, 1)
		}
		for _, n := range pieces {
			// With more behind the last page, which is not looked at.
			got, s := scan(t, append(b[:len(b):len(b)], b[2*pageSize:]...), n)
			maps.DeleteFunc(got, func(_ uint64, text string) bool { return text == "damaged" })
			if !maps.Equal(got, want) {
				t.Errorf("%d-byte pages, pieces of %d bytes: %d pages, want %d", pageSize, n, len(got), len(want))
			}
			if !s.Ready() || s.Pages != uint64(db.Pages()) || !s.Both {
				t.Errorf("%d-byte pages, pieces of %d bytes: the meta pages are %+v", pageSize, n, s.Metas)
			}
			if s.Looked < int64(len(want)*pageSize) {
				t.Errorf("%d-byte pages, pieces of %d bytes: %d bytes were looked at", pageSize, n, s.Looked)
			}
		}
	}
}

func TestScannerStopsWhenToldTo(t *testing.T) {
	b := sample(4 << 10).Bytes()
	n := 0
	s := &bolt.Scanner{Visit: func(bolt.Page, error) bool {
		n++
		return n < 3
	}}
	for piece := range slices.Chunk(b, 1000) {
		if m, err := s.Write(piece); m != len(piece) || err != nil {
			t.Fatalf("%d of %d bytes (%v)", m, len(piece), err)
		}
	}
	if err := s.Finish(); err != nil || n != 3 {
		t.Errorf("%d pages (%v), want 3", n, err)
	}
}

func TestScannerNeedsMetaPages(t *testing.T) {
	visit := func(bolt.Page, error) bool { return true }
	s := &bolt.Scanner{Visit: visit}
	if _, err := s.Write(make([]byte, bolt.HeadSize-1)); err != nil || s.Ready() {
		t.Errorf("too early: %v", err)
	}
	if _, err := s.Write(make([]byte, 1)); !errors.Is(err, bolt.ErrCorrupt) {
		t.Errorf("%v, want ErrCorrupt", err)
	}
	s = &bolt.Scanner{Visit: visit}
	if err := s.Finish(); !errors.Is(err, bolt.ErrCorrupt) {
		t.Errorf("nothing: %v, want ErrCorrupt", err)
	}
}

// A run that can't be has its reason told, and the pages after it are found.
func TestScannerGoesOnAfterAnAbsurdRun(t *testing.T) {
	db := Layout{PerLeaf: 1}.Make(Bucket{Name: "a", Items: items(4, 10)})
	SetOverflow(db.Page(db.Leaves["a"][0]), 1<<32-1)
	got, _ := scan(t, db.Bytes(), 5000)
	if got[db.Leaves["a"][0]] != "damaged" || len(got) != db.Pages()-2 {
		t.Errorf("found %v", got)
	}
}
