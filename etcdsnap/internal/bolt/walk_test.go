package bolt_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/clustersnap/clustersnap/etcdsnap/internal/bolt"
	. "github.com/clustersnap/clustersnap/etcdsnap/internal/bolttest"
)

// keys walks a tree for its keys.
func keys(t *testing.T, w *bolt.Walker, f *fileBranches, root uint64) (found []string) {
	t.Helper()
	if err := w.Walk(root, func(id uint64, low, high []byte) (uint64, error) {
		for i := range f.last.Len() {
			key, _, _ := f.last.Leaf(i)
			found = append(found, string(key))
		}
		return f.last.Run(), f.last.Within(low, high)
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestWalkIsInOrderAndMarksPages(t *testing.T) {
	db := sample(4 << 10)
	file := openFile(t, db.Bytes())
	f := &fileBranches{file: file}
	w := bolt.NewWalker(file.Meta, f)
	if w.Used() != 2 || !w.Reached(0) || !w.Reached(1) || w.Reached(2) {
		t.Errorf("%d pages at the beginning, want the meta pages", w.Used())
	}
	want := make([]string, 20)
	for i := range want {
		want[i] = fmt.Sprintf("key %04d", i)
	}
	branches := db.Branches["a"]
	if got := keys(t, w, f, branches[len(branches)-1]); !slices.Equal(got, want) {
		t.Errorf("the keys are %q", got)
	}
	keys(t, w, f, db.Leaves["c"][0])
	keys(t, w, f, db.Root)
	list, err := file.FreePages()
	if err == nil {
		err = w.Free(list)
	}
	if err != nil {
		t.Fatal(err)
	}
	free := map[uint64]bool{}
	for _, id := range db.Free {
		free[id] = true
	}
	for id := range uint64(db.Pages()) {
		if w.Reached(id) == free[id] {
			t.Errorf("page %d is free: %v, and reached: %v", id, free[id], w.Reached(id))
		}
	}
	if want := uint64(db.Pages() - len(db.Free)); w.Used() != want {
		t.Errorf("%d pages are used, want %d", w.Used(), want)
	}
}

// A free list of more than a page, and one whose number is its first entry, as bbolt writes long ones.
func TestLongFreeLists(t *testing.T) {
	db := Layout{}.Make(Bucket{Name: "a"})
	for range 600 {
		db.Free = append(db.Free, db.Append(make([]byte, 4096)))
	}
	db.Freelist = db.Append(FreelistPage(4096, uint64(db.Pages()), db.Free...))
	file := openFile(t, db.Bytes())
	w := bolt.NewWalker(file.Meta, &fileBranches{file: file})
	list, err := file.FreePages()
	if err == nil {
		err = w.Free(list)
	}
	if err != nil || list.Len() != 600 || list.Run() != 2 || w.Used() != 4 {
		t.Errorf("%d free pages on %d, %d in use (%v)", list.Len(), list.Run(), w.Used(), err)
	}
	page := db.Page(db.Freelist)
	copy(page[24:], page[16:16+8*600])
	copy(page[16:], []byte{600 & 255, 600 >> 8, 0, 0, 0, 0, 0, 0})
	SetCount(page, 1<<16-1)
	again, err := openFile(t, db.Bytes()).FreePages()
	if err != nil || again.Len() != 600 {
		t.Fatalf("%d free pages (%v), want 600", again.Len(), err)
	}
	if err := bolt.NewWalker(file.Meta, &fileBranches{file: file}).Free(again); err != nil {
		t.Error(err)
	}
}

func TestLastLeaf(t *testing.T) {
	for _, levels := range []int{0, 29, 30} {
		db := Layout{PerLeaf: 3, PerBranch: 4, Levels: levels}.Make(Bucket{Name: "a", Items: items(40, 10)})
		branches := db.Branches["a"]
		p, err := openFile(t, db.Bytes()).Last(branches[len(branches)-1])
		if levels == 30 { // and three below
			if !errors.Is(err, bolt.ErrCorrupt) {
				t.Errorf("33 levels: %v, want ErrCorrupt", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if key, _, _ := p.Leaf(p.Len() - 1); string(key) != "key 0039" {
			t.Errorf("the last key is %q", key)
		}
	}
	db := Layout{PerLeaf: 3}.Make(Bucket{Name: "a", Items: items(40, 10)})
	branches := db.Branches["a"]
	root := branches[len(branches)-1]
	SetCount(db.Page(root), 0)
	if _, err := openFile(t, db.Bytes()).Last(root); !errors.Is(err, bolt.ErrCorrupt) {
		t.Errorf("an empty branch: %v, want ErrCorrupt", err)
	}
}

// The copy of a file with a torn meta page, and more behind its end, is what bbolt would have sent.
func TestSnapshotOfAFile(t *testing.T) {
	b := sample(4 << 10).Bytes()
	torn := append(bytes.Clone(b), make([]byte, 9000)...)
	clear(torn[4096:][:80])
	got, err := io.ReadAll(openFile(t, torn).Snapshot())
	if err != nil || !bytes.Equal(got, b) {
		t.Errorf("%d bytes (%v), want the %d of the file", len(got), err, len(b))
	}
}

func TestFileIsHeldAgainstItsSize(t *testing.T) {
	b := sample(4 << 10).Bytes()
	for _, n := range []int{0, 79, 4096, 3 * 4096, len(b) - 1} {
		if _, err := bolt.OpenFile(bytes.NewReader(b[:n]), int64(n)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes: %v, want unexpected EOF", n, err)
		}
		// A file that has become shorter since.
		f, err := bolt.OpenFile(bytes.NewReader(b[:n]), int64(len(b)))
		if err == nil {
			_, _, err = f.Page(f.Pages-1, nil)
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes of %d: %v, want unexpected EOF", n, len(b), err)
		}
	}
	for _, id := range []uint64{0, 1, 1 << 40, 1<<64 - 1} {
		if _, _, err := openFile(t, b).Page(id, nil); !errors.Is(err, bolt.ErrCorrupt) {
			t.Errorf("page %d: %v, want ErrCorrupt", id, err)
		}
	}
}
