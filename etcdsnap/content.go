package etcdsnap

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/clustersnap/clustersnap/etcdsnap/internal/bolt"
)

// Content is what the tree of a snapshot holds, once all of it has been walked and found sound: each page in one place, keys in
// order, each record decodable.
type Content struct {
	// Revision is the last one, which etcd has when it starts from the snapshot; reads before CompactRevision
	// are refused. Both follow server/storage/mvcc/kvstore.go.
	Revision        int64 `json:"revision"`
	CompactRevision int64 `json:"compactRevision"`
	// ConsistentIndex and Term are those of the last entry of the raft log that is in the data.
	ConsistentIndex uint64 `json:"consistentIndex"`
	Term            uint64 `json:"term"`
	// StorageVersion is that of the data, such as "3.6.0", and ClusterVersion the one that the members had agreed
	// upon. Data of etcd before 3.6 does not state the first.
	StorageVersion string `json:"storageVersion,omitempty"`
	ClusterVersion string `json:"clusterVersion,omitempty"`
	// Downgrade is the version that a downgrade under way is for.
	Downgrade string `json:"downgrade,omitempty"`
	// Auth reports whether authentication is on.
	Auth bool `json:"auth,omitempty"`
	// Alarms are those that were raised.
	Alarms []Alarm `json:"alarms,omitempty"`
	// Members are those of the cluster, as the one that sent the snapshot knew them.
	Members []StoredMember `json:"members,omitempty"`
	// InUse is in bytes: the pages that are not free.
	InUse int64 `json:"inUse"`
	// Hash is the one that "etcdutl snapshot status" prints, in decimal there: a CRC-32C of all buckets.
	Hash uint32 `json:"hash"`
	// Records counts all revisions of keys that are stored, tombstones included.
	Records int64 `json:"records"`
	// Keyspace is what is live. It is nil where counting would have taken too much memory: see [Save].
	Keyspace *Keyspace `json:"keyspace,omitempty"`
}

// Keyspace counts live keys, and what each resource takes: that with the most bytes stored stands first.
type Keyspace struct {
	Keys      int64   `json:"keys"`
	Resources []Usage `json:"resources"`
}

// Alarm is one of etcd's: the kind is "NOSPACE" or "CORRUPT".
type Alarm struct {
	MemberID string `json:"memberID"`
	Kind     string `json:"kind"`
}

// pages is where a walk finds the pages of a snapshot: a file, or what was kept while they streamed by.
type pages interface {
	bolt.Branches
	leaf(id uint64) (found, error)
	free(id uint64) (bolt.Page, error)
}

// found is a leaf page: what was read of it where all its keys are revisions, and the page itself elsewhere.
type found struct {
	keys    bool
	leaf    leaf
	records []counted // until the next leaf is read; nil if that would be too many
	page    bolt.Page
}

// walk is one pass through all buckets, in the order in which "etcdutl snapshot status" hashes them.
type walk struct {
	*bolt.Walker
	pages   pages
	reader  *reader
	content *Content
	usage   *usage // nil once records are missing
	maxKeys int

	finished, scheduled int64
	last                revision
}

// walkTree checks the whole tree. The reader is the one that the pages' records were read by, and live a table without keys. More
// keys than maxKeys are not counted, if it is not 0.
func walkTree(m bolt.Meta, p pages, r *reader, live *newest, maxKeys int) (*Content, *bolt.Walker, error) {
	w := &walk{Walker: bolt.NewWalker(m, p), pages: p, reader: r, content: &Content{}, usage: newUsage(r.names, live), maxKeys: maxKeys}
	found := false
	err := w.Walk(m.Root, func(id uint64, low, high []byte) (uint64, error) {
		f, _, err := w.leaf(id, m.Root)
		if err != nil {
			return 0, err
		}
		if f.keys {
			return 0, notBucket(id, 0)
		}
		page := f.page.Clone() // which stays while others are read
		for i := range page.Len() {
			name, value, bucket := page.Leaf(i)
			if !bucket {
				return 0, notBucket(id, i)
			}
			found = found || string(name) == "key"
			if err := w.bucket(string(name), value); err != nil {
				return 0, fmt.Errorf("bucket %s: %w", known(name), err)
			}
		}
		return page.Run(), page.Within(low, high)
	})
	if err == nil && !found {
		err = fmt.Errorf("%w: it has no bucket of keys: is it an etcd v3 snapshot?", ErrCorrupt)
	}
	if err == nil && m.HasFreelist() {
		err = w.free(m.Freelist)
	}
	if err != nil {
		return nil, nil, err
	}
	c := w.content
	c.InUse = int64(w.Used()) * int64(m.PageSize)
	c.CompactRevision = max(w.finished, w.scheduled)
	c.Revision = max(1, w.last.main, c.CompactRevision) // an etcd without keys is at 1
	if w.usage != nil {
		c.Keyspace = new(Keyspace)
		c.Keyspace.Resources, c.Keyspace.Keys = w.usage.result()
	}
	return c, w.Walker, nil
}

// notBucket is for an element of the root bucket that is none. What stands there may be a piece of a Secret: it is not
// shown, and nor are names that are not etcd's.
func notBucket(page uint64, i int) error {
	return fmt.Errorf("%w: element %d of page %d is no bucket", ErrCorrupt, i, page)
}

func known(bucket []byte) string {
	switch s := string(bucket); s {
	case "key", "meta", "lease", "alarm", "cluster", "members", "members_removed", "auth", "authUsers", "authRoles":
		return strconv.Quote(s)
	default:
		return "of another name"
	}
}

// bucket walks one bucket.
func (w *walk) bucket(name string, value []byte) error {
	root, inline, err := bolt.Bucket(value)
	if err != nil {
		return err
	}
	w.content.Hash = uint32(crc(w.content.Hash).add([]byte(name)))
	if root == 0 {
		f, err := w.reader.found(inline)
		if err != nil {
			return err
		}
		return w.page(name, f, nil, nil)
	}
	return w.Walk(root, func(id uint64, low, high []byte) (uint64, error) {
		f, run, err := w.leaf(id, root)
		if err != nil {
			return 0, err
		}
		return run, w.page(name, f, low, high)
	})
}

// leaf gives a page of a tree that is no branch. Only a root may be empty.
func (w *walk) leaf(id, root uint64) (f found, run uint64, err error) {
	f, err = w.pages.leaf(id)
	switch {
	case err != nil:
		return f, 0, err
	case f.keys:
		return f, uint64(f.leaf.run), nil
	case f.page.Len() == 0 && id != root:
		return f, 0, fmt.Errorf("%w: leaf page %d is empty", ErrCorrupt, id)
	}
	return f, f.page.Run(), nil
}

// free checks the free list.
func (w *walk) free(id uint64) error {
	list, err := w.pages.free(id)
	if err != nil {
		return err
	}
	return w.Free(list)
}

// page takes one leaf page of a bucket.
func (w *walk) page(name string, f found, low, high []byte) error {
	if f.keys {
		return w.revisions(name, f, low, high)
	}
	for i := range f.page.Len() {
		key, value, bucket := f.page.Leaf(i)
		if bucket {
			return fmt.Errorf("%w: there is a bucket in it", ErrCorrupt)
		}
		if _, ok := parseRevision(key); name == "key" && !ok {
			return notRevision(f.page.ID, i)
		}
		w.content.Hash = uint32(crc(w.content.Hash).add(key).add(value))
		if err := w.entry(name, key, value); err != nil {
			return err
		}
	}
	return f.page.Within(low, high)
}

// revisions takes one leaf page of records.
func (w *walk) revisions(name string, f found, low, high []byte) error {
	l := f.leaf
	var key [revisionSize + 1]byte
	if low != nil && bytes.Compare(l.first().append(key[:0]), low) < 0 {
		return fmt.Errorf("%w: leaf page %d begins below the key that leads to it", ErrCorrupt, l.id)
	}
	if high != nil && bytes.Compare(l.last().append(key[:0]), high) >= 0 {
		return fmt.Errorf("%w: leaf page %d goes on above the keys that lead to it", ErrCorrupt, l.id)
	}
	w.content.Hash = uint32(crc(w.content.Hash).join(l.sum, uint64(l.size)))
	if name != "key" {
		return nil
	}
	if w.content.Records > 0 && !l.first().after(w.last) {
		return twice(l.first())
	}
	w.content.Records += int64(l.count)
	w.last = l.last()
	if f.records == nil {
		w.usage = nil
	}
	if w.usage != nil {
		for _, c := range f.records {
			w.usage.add(c)
		}
		if w.maxKeys > 0 && w.usage.keys() > w.maxKeys {
			w.usage = nil
		}
	}
	return nil
}

// entry takes what matters here of the small buckets (server/storage/schema).
func (w *walk) entry(bucket string, key, value []byte) error {
	c, ok := w.content, true
	switch bucket + "/" + string(key) {
	case "meta/consistent_index":
		c.ConsistentIndex, ok = bigEndian(value)
	case "meta/term":
		c.Term, ok = bigEndian(value)
	case "meta/storageVersion":
		c.StorageVersion, ok = version(value)
	case "meta/finishedCompactRev":
		w.finished, ok = compacted(value)
	case "meta/scheduledCompactRev":
		w.scheduled, ok = compacted(value)
	case "cluster/clusterVersion":
		c.ClusterVersion, ok = version(value)
	case "cluster/downgrade":
		c.Downgrade, ok = downgrade(value)
	case "auth/authEnabled":
		c.Auth = len(value) == 1 && value[0] == 1
	default:
		switch bucket {
		case "alarm":
			var a Alarm
			a, ok = parseAlarm(key)
			c.Alarms, ok = append(c.Alarms, a), ok && len(c.Alarms) < maxAlarms
		case "members":
			var m StoredMember
			m, ok = parseMember(value)
			c.Members, ok = append(c.Members, m), ok && len(c.Members) < maxMembers
		}
	}
	if !ok {
		return fmt.Errorf("%w: what stands under a key of %d bytes can't be read", ErrCorrupt, len(key))
	}
	return nil
}

// maxEntry bounds what is taken over from small buckets as it stands there.
const maxEntry = 1 << 10

func version(b []byte) (string, bool) { return string(b[:min(len(b), maxEntry)]), len(b) <= maxEntry }

// downgrade gives the version that a downgrade is for, if one is under way.
func downgrade(b []byte) (target string, ok bool) {
	var d struct {
		Target  string `json:"target-version"`
		Enabled bool   `json:"enabled"`
	}
	if len(b) > maxEntry || json.Unmarshal(b, &d) != nil {
		return "", false
	}
	if !d.Enabled {
		return "", true
	}
	return d.Target, true
}

// maxAlarms is far above what seven members can raise.
const maxAlarms = 1000

func bigEndian(b []byte) (uint64, bool) {
	if len(b) != 8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(b), true
}

func compacted(b []byte) (int64, bool) {
	r, ok := parseRevision(b)
	return r.main, ok
}

// parseAlarm reads an etcdserverpb.AlarmMember: memberID = 1 and alarm = 2, both numbers.
func parseAlarm(b []byte) (a Alarm, ok bool) {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 || kind != protowire.VarintType {
			return a, false
		}
		v, m := protowire.ConsumeVarint(b[n:])
		if m < 0 {
			return a, false
		}
		switch number {
		case 1:
			a.MemberID = fmt.Sprintf("%x", v)
		case 2:
			a.Kind = alarmKind(v)
		}
		b = b[n+m:]
	}
	return a, a.Kind != ""
}

func alarmKind(v uint64) string {
	switch v {
	case 1:
		return noSpace
	case 2:
		return corrupt
	default:
		return fmt.Sprint(v)
	}
}

const (
	noSpace = "NOSPACE"
	corrupt = "CORRUPT"
)
