package bolt_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/etcdsnap/internal/bolt"
	. "github.com/clustersnap/clustersnap/etcdsnap/internal/bolttest"
)

// items are n keys in order, the values of which have up to size bytes.
func items(n, size int) (list []Item) {
	for i := range n {
		list = append(list, Item{Key: fmt.Appendf(nil, "key %04d", i), Value: []byte(strings.Repeat("v", i*size/n))})
	}
	return list
}

// sample has values of several pages, and stale pages in between.
func sample(pageSize int) *Database {
	return Layout{PageSize: pageSize, PerLeaf: 3, PerBranch: 3, Seed: 5, Stale: true, Freelist: true}.Make(
		Bucket{Name: "a", Items: items(20, 2*pageSize)},
		Bucket{Name: "b", Items: items(3, 10), Inline: true},
		Bucket{Name: "c"},
	)
}

func openFile(t *testing.T, b []byte) *bolt.File {
	t.Helper()
	f, err := bolt.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// fileBranches has a walk read a file.
type fileBranches struct {
	file *bolt.File
	last bolt.Page
}

func (f *fileBranches) Branch(id uint64) (bolt.Page, bool, error) {
	p, _, err := f.file.Page(id, nil)
	f.last = p
	return p, p.IsBranch(), err
}
