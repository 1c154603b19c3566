package etcdsnap_test

import (
	"testing"

	. "github.com/clustersnap/clustersnap/etcdsnap/internal/bolttest"
)

// The meta pages and the digest are always right, so that the tree is what is fuzzed. See acceptance for what must hold.
func FuzzVerify(f *testing.F) {
	seeds := []*Database{tiny()}
	for _, layout := range []Layout{{}, {PerLeaf: 2}, {PerLeaf: 1, PerBranch: 2, Freelist: true}, {PerRoot: 1}, {PerLeaf: 2, Stale: true, Freelist: true}} {
		seeds = append(seeds, tinyOf(layout, false))
	}
	for _, d := range revisions() {
		seeds = append(seeds, d.db)
	}
	if len(seeds) == 0 {
		f.Fatal("no seeds")
	}
	for _, db := range seeds {
		free := uint16(0)
		if db.Freelist != NoFreelist {
			free = uint16(db.Freelist)
		}
		f.Add(db.Packed(), uint16(db.Root), free)
	}
	f.Fuzz(func(t *testing.T, packed []byte, root, freelist uint16) {
		db := Unpack(4096, packed)
		db.Root = uint64(root)
		if freelist != 0 {
			db.Freelist = uint64(freelist)
		}
		acceptance(t, db.Bytes())
	})
}
