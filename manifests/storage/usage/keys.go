package usage

import (
	"encoding/binary"
	"math"
)

// key is what is known of one key of etcd. There can be millions.
type key struct {
	hash    uint64
	stored  uint64 // bytes of all its records
	name    ref
	place   uint32
	live    uint32 // bytes of its newest record, or 0 if that is a tombstone
	managed uint32
	records uint32
	changes uint32
	version uint32
}

// record is one event of a key.
type record struct {
	size, live, managed int
	version             int64
}

func (k *key) isLive() int64 {
	if k.live > 0 {
		return 1
	}
	return 0
}

func (k *key) put(now record, change bool) {
	k.stored += uint64(now.size)
	k.live, k.managed, k.version = small(now.live), small(now.managed), small(now.version)
	k.records++
	if change {
		k.changes++
	}
}

// maxKeys fit into a table's slots: 16 times what an etcd of 8 GiB holds of the smallest objects.
const maxKeys = math.MaxInt32

// keys is an open-addressing table, since a map would take three times as much. Keys are known by a hash of 64 bits whose seed
// nobody knows outside: that two of a million are the same is as likely as one in 37 million.
type keys struct {
	blocks [][]key // which are not copied when there are more
	n      int
	slots  []uint32 // one more than the number of a key; 0 is free
	names  names
}

const blockKeys = 4096

func newKeys() *keys { return &keys{slots: make([]uint32, 1024)} }

func (t *keys) at(n uint32) *key { return &t.blocks[n/blockKeys][n%blockKeys] }

// find gives a key, which may be new, and nil if there are too many.
func (t *keys) find(hash uint64) (k *key, found bool) {
	slot := t.slot(hash)
	if *slot != 0 {
		return t.at(*slot - 1), true
	}
	if t.n == maxKeys {
		return nil, false
	}
	if 4*(t.n+1) > 3*len(t.slots) {
		t.grow()
		slot = t.slot(hash)
	}
	if t.n%blockKeys == 0 {
		t.blocks = append(t.blocks, make([]key, blockKeys))
	}
	t.n++
	*slot = uint32(t.n)
	k = t.at(*slot - 1)
	k.hash = hash
	return k, false
}

// slot gives the slot of a key, or the free one where it goes.
func (t *keys) slot(hash uint64) *uint32 {
	mask := uint64(len(t.slots) - 1)
	i := hash & mask
	for t.slots[i] != 0 && t.at(t.slots[i]-1).hash != hash {
		i = (i + 1) & mask
	}
	return &t.slots[i]
}

func (t *keys) grow() {
	smaller := t.slots
	t.slots = make([]uint32, 2*len(smaller))
	for _, n := range smaller {
		if n != 0 {
			*t.slot(t.at(n - 1).hash) = n
		}
	}
}

// names keeps names one behind the other, each behind its length.
type names struct{ blocks [][]byte }

// ref is where a name is kept: the number of its block, and where in it.
type ref struct{ block, at uint32 }

const (
	nameBlock = 64 << 10
	maxName   = 253 // bytes of a DNS subdomain: names of objects have no more
)

func (s *names) keep(name string) ref {
	last := len(s.blocks) - 1
	if last < 0 || len(s.blocks[last])+len(name)+binary.MaxVarintLen32 > nameBlock {
		s.blocks = append(s.blocks, make([]byte, 0, nameBlock))
		last++
	}
	at := len(s.blocks[last])
	b := binary.AppendUvarint(s.blocks[last], uint64(len(name)))
	s.blocks[last] = append(b, name...)
	return ref{uint32(last), uint32(at)}
}

func (s *names) get(r ref) []byte {
	b := s.blocks[r.block][r.at:]
	size, n := binary.Uvarint(b)
	return b[n : n+int(size)]
}
