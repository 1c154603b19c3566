package etcdsnap

import (
	"encoding/binary"

	"github.com/clustersnap/clustersnap/etcdsnap/internal/bolt"
)

// packBranch keeps a branch page of the bucket "key" in a fifth of its bytes: free pages are full of older versions of
// those on the right side of the tree, which every commit writes anew. Others are not ok.
func packBranch(p bolt.Page) (packed []byte, ok bool) {
	b := binary.AppendUvarint(nil, p.Run())
	b = binary.AppendUvarint(b, uint64(p.Len()))
	var main, id uint64
	for i := range p.Len() {
		key, child := p.Branch(i)
		r, ok := parseRevision(key)
		if !ok || uint64(r.main) < main {
			return nil, false
		}
		mark := uint64(0)
		if r.tombstone {
			mark = 1
		}
		b = binary.AppendUvarint(b, uint64(r.main)-main)
		b = binary.AppendUvarint(b, uint64(r.sub)<<1|mark)
		b = binary.AppendVarint(b, int64(child-id))
		main, id = uint64(r.main), child
	}
	return append(make([]byte, 0, len(b)), b...), true
}

// unpackBranch makes the page again.
func unpackBranch(id uint64, packed []byte) bolt.Page {
	next := func() uint64 {
		v, n := binary.Uvarint(packed)
		packed = packed[n:]
		return v
	}
	run := next()
	children := make([]bolt.Child, next())
	var main, last uint64
	for i := range children {
		main += next()
		sub := next()
		delta, n := binary.Varint(packed)
		packed = packed[n:]
		last += uint64(delta)
		r := revision{main: int64(main), sub: int64(sub >> 1), tombstone: sub&1 != 0}
		children[i] = bolt.Child{Key: r.append(nil), ID: last}
	}
	return bolt.MakeBranch(id, run, children)
}
