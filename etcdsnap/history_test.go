package etcdsnap_test

import (
	"cmp"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strings"

	. "github.com/clustersnap/clustersnap/etcdsnap/internal/bolttest"
)

// history is all that was ever written to an etcd, a naive model of its store. The first revision is 2.
type history struct {
	records []Record
	last    int64
}

// write makes a history of transactions of up to four operations, on few keys.
func write(r *rand.Rand, transactions int) history {
	h, live := history{last: 1}, map[string]Record{}
	for range transactions {
		h.last++
		used := map[string]bool{}
		for sub := range int64(1 + r.IntN(4)) {
			key := fmt.Sprintf("/%c/%c", 'a'+rune(r.IntN(3)), 'a'+rune(r.IntN(4)))[:2+2*r.IntN(2)]
			old, ok := live[key]
			if used[key] {
				break // etcd refuses two operations on a key
			}
			used[key] = true
			rec := Record{Main: h.last, Sub: sub, Key: key, Value: strings.Repeat("v", r.IntN(200)), Create: h.last, Version: 1, Lease: r.Int64N(2)}
			if ok {
				rec.Create, rec.Version = old.Create, old.Version+1
			}
			live[key] = rec
			if ok && r.IntN(3) == 0 {
				delete(live, key)
				rec = Record{Main: h.last, Sub: sub, Key: key, Tombstone: true}
			}
			h.records = append(h.records, rec)
		}
	}
	return h
}

// at is what there was at a revision, in the order of the keys.
func (h history) at(rev int64) (live []Record) {
	newest := map[string]Record{}
	for _, r := range h.records {
		if r.Main <= rev {
			newest[r.Key] = r
		}
	}
	for _, r := range newest {
		if !r.Tombstone {
			live = append(live, r)
		}
	}
	slices.SortFunc(live, func(a, b Record) int { return cmp.Compare(a.Key, b.Key) })
	return live
}

// place is a revision of a record.
type place struct{ main, sub int64 }

// index gives the generations of each key: all but the last end with a tombstone, and the last can be empty (key_index.go).
func (h history) index() map[string][][]place {
	keys := map[string][][]place{}
	for _, r := range h.records {
		g := keys[r.Key]
		if g == nil {
			g = [][]place{nil}
		}
		g[len(g)-1] = append(g[len(g)-1], place{r.Main, r.Sub})
		if r.Tombstone {
			g = append(g, nil)
		}
		keys[r.Key] = g
	}
	return keys
}

// available is what a compaction at a revision leaves of what is not after it: the newest of each key in the generation
// of that time. A tombstone of just that revision is left by a compaction, but not kept for a hash.
func (h history) available(rev int64, forHash bool) map[place]bool {
	found := map[place]bool{}
	for _, generations := range h.index() {
		i := 0
		for i < len(generations)-1 && generations[i][len(generations[i])-1].main < rev {
			i++
		}
		g := generations[i]
		for j := len(g) - 1; j >= 0; j-- {
			if g[j].main <= rev {
				tombstone := j == len(g)-1 && i != len(generations)-1
				if !tombstone || !forHash {
					found[g[j]] = true
				}
				break
			}
		}
	}
	return found
}

// stored is what is stored once a compaction has taken what it does up to a revision.
func (h history) stored(compact, upTo int64) (left []Record) {
	available := h.available(compact, false)
	for _, r := range h.records {
		if r.Main > min(compact, upTo) || available[place{r.Main, r.Sub}] {
			left = append(left, r)
		}
	}
	return left
}

// hash is HashKV's of a member that has compacted (hash.go, unsafeHashByRev).
func (h history) hash(rev, compact int64) uint32 {
	keep := h.available(rev, true)
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	sum.Write([]byte("key"))
	for _, r := range h.stored(compact, compact) {
		if r.Main > rev || r.Main <= compact && len(keep) > 0 && !keep[place{r.Main, r.Sub}] || r.Main == compact && r.Tombstone {
			continue
		}
		item := r.Item()
		sum.Write(item.Key)
		sum.Write(item.Value)
	}
	return sum.Sum32()
}
