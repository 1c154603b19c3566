package bolt_test

import (
	"bytes"
	"testing"

	"github.com/clustersnap/clustersnap/etcdsnap/internal/bolt"
	. "github.com/clustersnap/clustersnap/etcdsnap/internal/bolttest"
)

// Pages of any bytes are read without a panic, and what a scanner finds in them as they come by is what the file has.
func FuzzPages(f *testing.F) {
	seeds := []*Database{
		Layout{PerLeaf: 3, Stale: true, Freelist: true}.Make(Bucket{Name: "a", Items: items(12, 400)}, Bucket{Name: "b", Items: items(3, 10), Inline: true}),
		Layout{}.Make(Bucket{Name: "a"}),
	}
	for i := range 3 { // elements that lie over each other, beyond the page, and without a key
		db := Layout{}.Make(Bucket{Name: "a", Items: items(3, 100)})
		page := db.Page(db.Leaves["a"][0])
		[]func(){func() { SetValueSize(page, 1, 90) }, func() { SetValueSize(page, 2, 1<<20) }, func() { SetKeySize(page, 0, 0) }}[i]()
		seeds = append(seeds, db)
	}
	if len(seeds) == 0 {
		f.Fatal("no seeds")
	}
	for _, db := range seeds {
		f.Add(db.Packed(), uint16(db.Freelist), uint16(1000))
	}
	f.Fuzz(func(t *testing.T, packed []byte, freelist, piece uint16) {
		db := Unpack(4096, packed)
		if db.Pages() < 3 {
			return
		}
		if id := uint64(freelist); id >= 2 && id < uint64(db.Pages()) {
			db.Freelist = id
		}
		b := db.Bytes()
		file := openFile(t, b)
		found, _ := scan(t, b, max(1, int(piece)))
		for id := uint64(2); id < file.Pages; id++ {
			p, _, err := file.Page(id, nil)
			if id == db.Freelist {
				p, err = file.FreePages()
			}
			got, ok := found[id]
			switch {
			case err == nil && p.Len() == 0 && !ok && id == db.Freelist: // no page at all
			case (err == nil) != (ok && got != "damaged") || err == nil && got != describe(p, nil):
				t.Fatalf("page %d: the file has %s (%v), the scanner %q (%v)", id, describe(p, err), err, got, ok)
			case err == nil:
				checkPage(t, p)
			}
		}
	})
}

// checkPage checks what a page promises: keys in order, and nothing outside of it.
func checkPage(t *testing.T, p bolt.Page) {
	var last []byte
	sum := 16 * (p.Len() + 1)
	for i := range p.Len() {
		var key, value []byte
		switch {
		case p.IsLeaf():
			key, value, _ = p.Leaf(i)
			if root, inline, err := bolt.Bucket(value); err == nil && root == 0 {
				checkPage(t, inline)
			}
		case p.IsBranch():
			key, _ = p.Branch(i)
		default:
			return // the free list
		}
		if i > 0 && bytes.Compare(last, key) >= 0 || len(key) == 0 {
			t.Fatalf("page %d: key %d is %q, after %q", p.ID, i, key, last)
		}
		last, sum = key, sum+len(key)+len(value)
	}
	if sum > p.Size() {
		t.Fatalf("page %d has %d bytes for elements of %d", p.ID, p.Size(), sum)
	}
}
