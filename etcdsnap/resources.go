package etcdsnap

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// Usage is what one resource takes in etcd.
type Usage struct {
	// Resource is the key's beginning below the prefix: "pods", or with an API group, "example.com/widgets". Keys that
	// are not below the prefix are counted under their own first part, "compact_rev_key" for one.
	Resource string `json:"resource"`
	// Keys and Bytes count what is live: a key and its value as etcd stores them.
	Keys  int64 `json:"keys"`
	Bytes int64 `json:"bytes"`
	// Records and RecordBytes count all that is stored, older revisions and tombstones included.
	Records     int64 `json:"records"`
	RecordBytes int64 `json:"recordBytes"`
}

// A cluster with all its CRDs has a few hundred resources. Hostile keys, or those of an etcd that serves something else, have
// more than are told apart, and than are listed: those that come later, and the smaller ones, are counted as one.
const (
	maxResources = 16384 // told apart
	maxListed    = 4096
	others       = "(others)"
)

// resources gives a small number to each resource.
type resources struct {
	prefix string // ends in a slash
	number map[string]uint16
	names  []string
}

func newResources(prefix string) *resources {
	return &resources{prefix: strings.TrimSuffix(prefix, "/") + "/", number: map[string]uint16{}}
}

func (r *resources) of(key []byte) uint16 {
	name := resourceOf(key, r.prefix)
	n, ok := r.number[string(name)]
	if !ok {
		if len(r.names) >= maxResources {
			name = []byte(others)
			if n, ok = r.number[others]; ok {
				return n
			}
		}
		n = uint16(len(r.names))
		r.names = append(r.names, string(name))
		r.number[r.names[n]] = n
	}
	return n
}

// maxName bounds the part of a key that names its resource: DNS names have 253 bytes.
const maxName = 253

// resourceOf follows where kube-apiserver puts things: below the prefix is the resource, or a group with dots and then the
// resource; "services" has two kinds of its own below it (pkg/registry/core/rest/storage_core.go).
func resourceOf(key []byte, prefix string) []byte {
	rest, ok := bytes.CutPrefix(key, []byte(prefix))
	if !ok {
		rest = bytes.TrimPrefix(key, []byte("/"))
	}
	first, more, _ := bytes.Cut(rest, []byte("/"))
	end := len(first)
	if ok && (bytes.IndexByte(first, '.') >= 0 || string(first) == "services") {
		second, _, _ := bytes.Cut(more, []byte("/"))
		end = min(len(rest), end+1+len(second))
	}
	return rest[:min(end, maxName)]
}

// usage counts the records of each resource, and by the newest record of each key what is live. The records
// come in the order of their revisions.
type usage struct {
	names   *resources
	counts  []Usage
	live    *newest
	waiting []counted // to be counted together
}

// counted is a record that comes to be counted, and where it is kept: one more than its number, or 0 if it is not.
type counted struct {
	brief
	kept uint32
}

// batch is how many records are counted together: enough for the processor to wait for many of their keys at once.
const batch = 64

func newUsage(names *resources, live *newest) *usage {
	return &usage{names: names, live: live, waiting: make([]counted, 0, batch)}
}

// keys is how many have been seen, also those that are deleted: but for the last few.
func (u *usage) keys() int { return u.live.n }

func (u *usage) add(c counted) {
	if c.flags&isKeyless != 0 {
		return
	}
	if u.waiting = append(u.waiting, c); len(u.waiting) == batch {
		u.count()
	}
}

// count counts those that wait.
func (u *usage) count() {
	u.live.look(u.waiting)
	for i, b := range u.waiting {
		for int(b.resource) >= len(u.counts) {
			u.counts = append(u.counts, Usage{})
		}
		c := &u.counts[b.resource]
		c.Records++
		c.RecordBytes += int64(b.size)
		if old, ok := u.live.replace(i, b); ok && old.flags&isTombstone == 0 {
			u.counts[old.resource].Keys--
			u.counts[old.resource].Bytes -= int64(old.size)
		}
		if b.flags&isTombstone == 0 {
			c.Keys++
			c.Bytes += int64(b.size)
		}
	}
	u.waiting = u.waiting[:0]
}

// result lists the resources, those with most bytes stored first.
func (u *usage) result() (list []Usage, keys int64) {
	u.count()
	for i, c := range u.counts {
		if c.Records > 0 {
			c.Resource = u.names.names[i]
			list = append(list, c)
			keys += c.Keys
		}
	}
	sortUsage(list)
	if len(list) > maxListed {
		list = foldUsage(list, maxListed)
	}
	return list, keys
}

func sortUsage(list []Usage) {
	slices.SortFunc(list, func(a, b Usage) int {
		return cmp.Or(cmp.Compare(b.RecordBytes, a.RecordBytes), cmp.Compare(a.Resource, b.Resource))
	})
}

// foldUsage makes one of the smaller ones, and of what was not told apart, so that n are left.
func foldUsage(list []Usage, n int) []Usage {
	rest, kept := Usage{Resource: others}, list[:0]
	for _, c := range list {
		if c.Resource != others && len(kept) < n-1 {
			kept = append(kept, c)
			continue
		}
		rest.Keys += c.Keys
		rest.Bytes += c.Bytes
		rest.Records += c.Records
		rest.RecordBytes += c.RecordBytes
	}
	kept = append(kept, rest)
	sortUsage(kept)
	return kept
}

// newest holds the newest record of each key: an open-addressing table, since a map would take three times as much.
type newest struct {
	records *chunks[brief]
	slots   []uint32 // one more than where in records; 0 is free
	n       int
	looked  [batch]uint32
}

// slotSize is what a key takes at most in the table, while that grows, in bytes.
const slotSize = 3 * 4

// newNewest has room for those records that are kept already: of these the place of the oldest of a key, which has been counted,
// becomes that of the newest. Others are added.
func newNewest(records *chunks[brief]) *newest {
	slots := 1024
	for 3*slots <= 4*(records.n+batch) {
		slots *= 2
	}
	return &newest{records: records, slots: make([]uint32, slots)}
}

// look finds where the keys of a batch are, or begin to be looked for, before any is replaced: one key after the other, each would
// wait for memory by itself.
func (t *newest) look(list []counted) {
	for 3*len(t.slots) <= 4*(t.n+len(list)) {
		t.grow()
	}
	mask := uint64(len(t.slots) - 1)
	for i := range list {
		t.looked[i] = t.slots[list[i].key&mask]
	}
	for i := range list {
		if n := t.looked[i]; n != 0 && t.records.at(int(n)-1).key != list[i].key {
			t.looked[i] = 0
		}
	}
}

// replace puts c, which is number i of the batch that was looked for, in the place of the record before it of the same key.
func (t *newest) replace(i int, c counted) (old brief, ok bool) {
	n := t.looked[i]
	if n == 0 {
		slot := t.find(c.key)
		if *slot == 0 {
			*slot = t.keep(c)
			return brief{}, false
		}
		n = *slot
	}
	known := t.records.at(int(n) - 1)
	old, *known = *known, c.brief
	return old, true
}

// keep says where a record of a new key is kept.
func (t *newest) keep(c counted) uint32 {
	t.n++
	if c.kept != 0 {
		return c.kept
	}
	t.records.append(c.brief)
	return uint32(t.records.n)
}

// find gives the slot of a key, or the free one where it goes.
func (t *newest) find(key uint64) *uint32 {
	mask := uint64(len(t.slots) - 1)
	i := key & mask
	for t.slots[i] != 0 && t.records.at(int(t.slots[i])-1).key != key {
		i = (i + 1) & mask
	}
	return &t.slots[i]
}

func (t *newest) grow() {
	smaller := t.slots
	t.slots = make([]uint32, 2*len(smaller))
	for _, n := range smaller {
		if n != 0 {
			*t.find(t.records.at(int(n) - 1).key) = n
		}
	}
}
