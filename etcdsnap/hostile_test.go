package etcdsnap_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/etcdsnap"
	. "github.com/clustersnap/clustersnap/etcdsnap/internal/bolttest"
)

// damage is a database that must not be accepted, though its digest is right.
type damage struct {
	name string
	db   *Database
	says string // the error
}

func TestHostile(t *testing.T) {
	t.Parallel()
	for _, group := range [][]damage{elements(), orders(), links(), buckets(), revisions(), freelists(), entries()} {
		for _, d := range group {
			t.Run(d.name, func(t *testing.T) {
				b := d.db.Snapshot()
				_, err := etcdsnap.Verify(context.Background(), bytes.NewReader(b), etcdsnap.VerifyOptions{})
				if !errors.Is(err, etcdsnap.ErrCorrupt) || !strings.Contains(err.Error(), d.says) {
					t.Fatalf("the stream: %v, want ErrCorrupt and %q", err, d.says)
				}
				if len(err.Error()) > 300 {
					t.Errorf("the error has %d bytes", len(err.Error()))
				}
				if _, err := readAll(t, b); !errors.Is(err, etcdsnap.ErrCorrupt) || !strings.Contains(err.Error(), d.says) {
					t.Errorf("the file: %v, want ErrCorrupt and %q", err, d.says)
				}
			})
		}
	}
}

var spread = Layout{PerLeaf: 3, PerBranch: 3}

// edited is small, on six leaf pages of three records below two branches, edited.
func edited(edit func(db *Database, leaves, branches []uint64)) *Database {
	db := spread.Make(small().buckets()...)
	edit(db, db.Leaves["key"], db.Branches["key"])
	return db
}

// leafEdited has its second leaf page edited, and branchEdited its first branch page.
func leafEdited(edit func(page []byte)) *Database {
	return edited(func(db *Database, leaves, _ []uint64) { edit(db.Page(leaves[1])) })
}

func branchEdited(edit func(page []byte)) *Database {
	return edited(func(db *Database, _, branches []uint64) { edit(db.Page(branches[0])) })
}

// records is a database of these items in the bucket "key", three on a page.
func records(items ...Item) *Database {
	return spread.Make(Bucket{Name: "key", Items: items})
}

func elements() []damage {
	const outside, over, none = "lies outside of it", "lies over what is before it", "has no key"
	return []damage{
		{"position 0", leafEdited(func(p []byte) { SetPos(p, 1, 0) }), over},
		{"position in the table", leafEdited(func(p []byte) { SetPos(p, 0, 47) }), over},
		{"position of another", leafEdited(func(p []byte) { SetPos(p, 1, 32) }), over},
		{"position beyond", leafEdited(func(p []byte) { SetPos(p, 1, 4096) }), outside},
		{"position absurd", leafEdited(func(p []byte) { SetPos(p, 1, 1<<32-1) }), outside},
		{"key size beyond", leafEdited(func(p []byte) { SetKeySize(p, 1, 4096) }), outside},
		{"key size absurd", leafEdited(func(p []byte) { SetKeySize(p, 1, 1<<32-1) }), outside},
		{"key size over the next", leafEdited(func(p []byte) { SetKeySize(p, 1, 100) }), over},
		{"no key", leafEdited(func(p []byte) { SetKeySize(p, 1, 0) }), none},
		{"value size beyond", leafEdited(func(p []byte) { SetValueSize(p, 2, 4096) }), outside},
		{"value size absurd", leafEdited(func(p []byte) { SetValueSize(p, 1, 1<<32-1) }), outside},
		{"value size over the next", leafEdited(func(p []byte) { SetValueSize(p, 1, 200) }), over},
		{"flags", leafEdited(func(p []byte) { SetFlags(p, 1, 2) }), "has the flags 0x2"},
		{"count", leafEdited(func(p []byte) { SetCount(p, 1<<16-1) }), "has 65535 elements in 4096 bytes"},
		{"one more", leafEdited(func(p []byte) { SetCount(p, 4) }), over},
		{"branch: position 0", branchEdited(func(p []byte) { SetBranchPos(p, 1, 0) }), over},
		{"branch: position beyond", branchEdited(func(p []byte) { SetBranchPos(p, 1, 4096) }), outside},
		{"branch: key size absurd", branchEdited(func(p []byte) { SetBranchKeySize(p, 1, 1<<32-1) }), outside},
		{"branch: no key", branchEdited(func(p []byte) { SetBranchKeySize(p, 0, 0) }), none},
		{"branch: count", branchEdited(func(p []byte) { SetCount(p, 1<<16-1) }), "has 65535 elements in 4096 bytes"},
	}
}

func orders() []damage {
	// The leaves begin at 2.0, 5.0, 7.0, 10.0, 12.0 and 15.0.
	leafOf := func(at int, records ...Record) *Database {
		return edited(func(db *Database, leaves, _ []uint64) {
			db.Put(leaves[at], LeafPage(4096, leaves[at], Items(records...)...))
		})
	}
	branchKey := func(branch, child int, key []byte) *Database {
		return edited(func(db *Database, _, branches []uint64) { copy(ChildAt(db.Page(branches[branch]), child).Key, key) })
	}
	const below, above = "begins below the key that leads to it", "goes on above the keys that lead to it"
	return []damage{
		{"keys in a page", leafOf(1, Put(6, "a", "1"), Put(5, "b", "2")), "key 1 is not above the one before"},
		{"the same key", leafOf(1, Put(6, "a", "1"), Put(6, "a", "1")), "key 1 is not above the one before"},
		{"twice in a page", leafOf(1, Put(5, "a", "1"), Delete(5, "a")), "revision 5.0 is there twice"},
		{"twice over pages", records(Items(Put(2, "a", "1"), Put(3, "a", "1"), Put(4, "a", "1"), Delete(4, "a"))...), "revision 4.0 is there twice"},
		{"the first leaf over the next", leafOf(0, Put(2, "a", "1"), Put(5, "b", "2")), above},
		{"the last of a branch over the next", leafOf(2, Put(7, "a", "1"), Put(11, "b", "2")), above},
		{"a leaf under its key", leafOf(1, Put(3, "a", "1"), Put(6, "b", "2")), below},
		{"the mark alone under its key", edited(func(db *Database, leaves, branches []uint64) {
			keys := []Child{{Key: Revision(2, 0, false), ID: leaves[0]}, {Key: Revision(5, 0, true), ID: leaves[1]}, {Key: Revision(7, 0, false), ID: leaves[2]}}
			db.Put(branches[0], BranchPage(4096, branches[0], keys...))
		}), below},
		{"keys of a branch", branchKey(0, 1, Revision(8, 0, false)), "key 2 is not above the one before"},
		{"a branch under its key", branchKey(1, 0, Revision(9, 0, false)), "begins outside of the keys that lead to it"},
		{"a branch over the next", branchKey(0, 2, Revision(11, 0, false)), "ends outside of the keys that lead to it"},
		{"names of other buckets", edited(func(db *Database, _, _ []uint64) {
			id := db.Leaves["meta"][1]
			db.Put(id, LeafPage(4096, id, entry("aaa", "below")))
		}), "has keys outside of those that lead to it"},
	}
}

func links() []damage {
	child := func(to func(db *Database, leaves, branches []uint64) uint64) *Database {
		return edited(func(db *Database, leaves, branches []uint64) {
			SetChild(db.Page(branches[0]), 1, to(db, leaves, branches))
		})
	}
	number := func(id uint64) *Database {
		return child(func(*Database, []uint64, []uint64) uint64 { return id })
	}
	const twice, leads, neither = "is in two places", "a branch leads to page", "is neither branch nor leaf"
	deep, deeper := spread, spread
	deep.Levels, deeper.Levels = 30, 100
	return []damage{
		{"behind the end", child(func(db *Database, _, _ []uint64) uint64 { return uint64(db.Pages()) }), leads},
		{"absurd", number(1<<64 - 1), leads},
		{"first meta page", number(0), leads},
		{"second meta page", number(1), leads},
		{"itself", child(func(_ *Database, _, branches []uint64) uint64 { return branches[0] }), twice},
		{"upwards", child(func(_ *Database, _, branches []uint64) uint64 { return branches[2] }), twice},
		{"its sister", child(func(_ *Database, leaves, _ []uint64) uint64 { return leaves[0] }), twice},
		{"another bucket", child(func(db *Database, _, _ []uint64) uint64 { return db.Leaves["meta"][0] }), "which is no revision"},
		{"the inside of a run", edited(func(db *Database, leaves, _ []uint64) { SetOverflow(db.Page(leaves[0]), 1) }), twice},
		{"a run into a branch", edited(func(db *Database, leaves, branches []uint64) {
			SetOverflow(db.Page(leaves[5]), uint32(branches[0]-leaves[5]))
		}), twice},
		{"a branch's run", edited(func(db *Database, leaves, branches []uint64) { SetOverflow(db.Page(branches[0]), 1) }), twice},
		{"a run over the end", leafEdited(func(p []byte) { SetOverflow(p, 40) }), "states that it takes 41 pages"},
		{"an absurd run", leafEdited(func(p []byte) { SetOverflow(p, 1<<32-1) }), "states that it takes 4294967296 pages"},
		{"a branch's absurd run", branchEdited(func(p []byte) { SetOverflow(p, 1<<32-1) }), "states that it takes 4294967296 pages"},
		{"another number", leafEdited(func(p []byte) { SetID(p, 3) }), neither},
		{"no kind", leafEdited(func(p []byte) { SetKind(p, 0) }), neither},
		{"two kinds", leafEdited(func(p []byte) { SetKind(p, LeafKind|BranchKind) }), neither},
		{"a meta page's kind", leafEdited(func(p []byte) { SetKind(p, MetaKind) }), neither},
		{"a free list's kind", leafEdited(func(p []byte) { SetKind(p, FreelistKind) }), neither},
		{"an empty branch", branchEdited(func(p []byte) { SetCount(p, 0) }), "is empty"},
		{"an empty leaf", leafEdited(func(p []byte) { SetCount(p, 0) }), "is empty"},
		{"an empty last leaf", edited(func(db *Database, leaves, _ []uint64) { SetCount(db.Page(leaves[5]), 0) }), "is empty"},
		{"one page too deep", deep.Make(small().buckets()...), "is deeper than 32 pages"},
		{"a chain", deeper.Make(small().buckets()...), "is deeper than 32 pages"},
	}
}

func buckets() []damage {
	// The root bucket's page is a leaf whose seventh item is "lease", the sixth "key" and the second "auth".
	root := func(edit func(page []byte)) *Database {
		return edited(func(db *Database, _, _ []uint64) { edit(db.Page(db.Root)) })
	}
	inline := func(edit func(value []byte)) *Database { // that of "alarm"
		return root(func(p []byte) {
			_, value := ItemAt(p, 0)
			edit(value)
		})
	}
	rooted := func(id uint64) *Database {
		db := spread.Make(small().buckets()...)
		db.Root = id
		return db
	}
	emptyRoot := Layout{PerRoot: 1, PerBranch: 100}.Make(small().buckets()...)
	SetCount(emptyRoot.Page(emptyRoot.Root-3), 0) // the leaf pages are right before their branch
	rootOrder := Layout{PerRoot: 2, PerBranch: 10}.Make(small().buckets()...)
	copy(ChildAt(rootOrder.Page(rootOrder.Root), 1).Key, "authRolet") // which leads to "authRoles"
	return []damage{
		{"a bucket under the key that leads to it", rootOrder, "has keys outside of those that lead to it"},
		{"a name without end", Layout{}.Make(Bucket{Name: "key"}, Bucket{Name: strings.Repeat("x", 1<<20), Items: []Item{{Key: []byte("k"), Flags: BucketFlag}}}), "there is a bucket in it"},
		{"no bucket", root(func(p []byte) { SetFlags(p, 1, 0) }), "is no bucket"},
		{"a bucket in another", edited(func(db *Database, _, _ []uint64) { SetFlags(db.Page(db.Leaves["meta"][0]), 0, BucketFlag) }), "there is a bucket in it"},
		{"a bucket among records", leafEdited(func(p []byte) { SetFlags(p, 0, BucketFlag) }), "there is a bucket in it"},
		{"a bucket among inline ones", inline(func(v []byte) { SetFlags(v[16:], 0, BucketFlag) }), "there is a bucket in it"},
		{"none of keys", spread.Make(small().others...), "no bucket of keys"},
		{"none at all", spread.Make(), "no bucket of keys"},
		{"records in the root", edited(func(db *Database, _, _ []uint64) {
			db.Put(db.Root, LeafPage(4096, db.Root, Items(small().records[:2]...)...))
		}), "is no bucket"},
		{"a page of the root without any", emptyRoot, "is empty"},
		{"a bucket of 15 bytes", root(func(p []byte) { SetValueSize(p, 1, 15) }), "a bucket has 15 bytes"},
		{"a bucket of none", root(func(p []byte) { SetValueSize(p, 5, 0) }), "a bucket has 0 bytes"},
		{"a bucket at a meta page", root(func(p []byte) {
			_, v := ItemAt(p, 1)
			binary.LittleEndian.PutUint64(v, 1)
		}), "leads to page 1 of"},
		{"a bucket at the root", edited(func(db *Database, _, _ []uint64) {
			_, v := ItemAt(db.Page(db.Root), 1)
			binary.LittleEndian.PutUint64(v, db.Root)
		}), "there is a bucket in it"},
		{"two at one page", edited(func(db *Database, _, _ []uint64) {
			_, v := ItemAt(db.Page(db.Root), 2)
			binary.LittleEndian.PutUint64(v, db.Leaves["auth"][0])
		}), "is in two places"},
		{"inline without a page", root(func(p []byte) { SetValueSize(p, 0, 16) }), "an inline bucket is no leaf page"},
		{"inline with half a header", root(func(p []byte) { SetValueSize(p, 0, 31) }), "an inline bucket is no leaf page"},
		{"inline, a number", inline(func(v []byte) { SetID(v[16:], 7) }), "an inline bucket is no leaf page"},
		{"inline, a branch", inline(func(v []byte) { SetKind(v[16:], BranchKind) }), "an inline bucket is no leaf page"},
		{"inline, an overflow", inline(func(v []byte) { SetOverflow(v[16:], 1) }), "an inline bucket is no leaf page"},
		{"inline, cut off", root(func(p []byte) { SetValueSize(p, 0, 32+2*16+7) }), "lies outside of it"},
		{"inline, count", inline(func(v []byte) { SetCount(v[16:], 999) }), "has 999 elements in"},
		{"inline records that are none", Layout{}.Make(Bucket{Name: "key", Inline: true, Items: []Item{entry("k", "v")}}), "which is no revision"},
		{"root at a meta page", rooted(1), "the root bucket is at page 1 of"},
		{"root behind the end", rooted(1000), "the root bucket is at page 1000 of"},
		{"root at a page of records", rooted(edited(func(*Database, []uint64, []uint64) {}).Leaves["key"][0]), "is no bucket"},
	}
}

func revisions() []damage {
	stored := func(key, value []byte) *Database {
		return records(slices.Concat(Items(Put(2, "a", "1")), []Item{{Key: key, Value: value}})...)
	}
	key := func(key []byte) *Database { return stored(key, Put(5, "k", "v").Item().Value) }
	value := func(value string) *Database { return stored(Revision(5, 0, false), []byte(value)) }
	record := func(r Record) *Database { return records(Put(2, "a", "1").Item(), r.Item()) }
	changed := func(at int, c byte) []byte {
		k := Revision(5, 0, true)
		k[at] = c
		return k
	}
	const no, undecodable, says = "which is no revision", "can't be decoded", "says that it is version"
	return []damage{
		{"16 bytes", key(Revision(5, 0, false)[:16]), no},
		{"19 bytes", key(append(Revision(5, 0, true), 't')), no},
		{"another mark", key(changed(17, 'u')), no},
		{"another separator", key(changed(8, '-')), no},
		{"a negative main", key(Revision(-1, 0, false)), no},
		{"a negative sub", key(Revision(5, -1, false)), no},
		{"a sub of no transaction", key(Revision(5, 1<<32, false)), no},
		{"no record", value("\xff\xff"), undecodable},
		{"cut off", value("\x0a\x05abc"), undecodable},
		{"a number without end", value("\x0a\x01a\x10" + strings.Repeat("\xff", 12)), undecodable},
		{"field 0", value("\x00\x00"), undecodable},
		{"a key of another kind", value("\x08\x01"), "has no key"},
		{"without a key", value("\x10\x05\x18\x05\x20\x01"), "has no key"},
		{"a tombstone without a key", stored(Revision(5, 0, true), []byte("\x10\x05")), "has no key"},
		{"an empty tombstone", stored(Revision(5, 0, true), nil), "has no key"},
		{"of another revision", stored(Revision(6, 0, false), Put(5, "k", "v").Item().Value), says},
		{"created later", record(Record{Main: 5, Key: "k", Create: 6, Version: 1}), says},
		{"never created", record(Record{Main: 5, Key: "k", Version: 1}), says},
		{"version 0", record(Record{Main: 5, Key: "k", Create: 5}), says},
		{"version -1", record(Record{Main: 5, Key: "k", Create: 5, Version: -1}), says},
	}
}

func freelists() []damage {
	layout := spread
	layout.Freelist, layout.Stale = true, true
	with := func(edit func(db *Database)) *Database {
		db := layout.Make(small().buckets()...)
		edit(db)
		return db
	}
	lists := func(change func(db *Database, free []uint64) []uint64) *Database {
		return with(func(db *Database) {
			db.Put(db.Freelist, FreelistPage(4096, db.Freelist, change(db, slices.Clone(db.Free))...))
		})
	}
	add := func(id uint64) *Database {
		return lists(func(_ *Database, free []uint64) []uint64 { return append(free, id) })
	}
	return []damage{
		{"free list behind the end", with(func(db *Database) { db.Freelist = 1000 }), "the free list is at page 1000 of"},
		{"free list at a meta page", with(func(db *Database) { db.Freelist = 1 }), "the free list is at page 1 of"},
		{"free list at a leaf", with(func(db *Database) { db.Freelist = db.Leaves["key"][0] }), "is not the free list"},
		{"free list at no page", with(func(db *Database) { clear(db.Page(db.Freelist)) }), "is not the free list"},
		{"free list in the tree", with(func(db *Database) { SetChild(db.Page(db.Branches["key"][0]), 1, db.Freelist) }), "is neither branch nor leaf"},
		{"free list in a run", with(func(db *Database) {
			at := db.Leaves["meta"][1]
			db.Put(at+1, FreelistPage(4096, at+1))
			db.Freelist = at + 1
			SetOverflow(db.Page(at), 1)
		}), "is in two places"},
		{"a page in use is free", lists(func(db *Database, free []uint64) []uint64 {
			free[3] = db.Leaves["key"][1]
			slices.Sort(free)
			return free
		}), "is in use, and in the free list"},
		{"the list is free", lists(func(db *Database, free []uint64) []uint64 { return append(free, db.Freelist) }), "is in use, and in the free list"},
		{"a meta page is free", lists(func(_ *Database, free []uint64) []uint64 { return append([]uint64{1}, free...) }), "the free list has page 1 of"},
		{"free behind the end", add(5000), "the free list has page 5000 of"},
		{"free twice", lists(func(_ *Database, free []uint64) []uint64 { return append(free[:1], free...) }), "the free list has page"},
		{"free list's count", with(func(db *Database) { SetCount(db.Page(db.Freelist), 511) }), "lists 511 free pages in 4096 bytes"},
		{"free list's long count", with(func(db *Database) {
			SetCount(db.Page(db.Freelist), 1<<16-1)
			binary.LittleEndian.PutUint64(db.Page(db.Freelist)[16:], 1<<61+1)
		}), "lists 2305843009213693953 free pages in 4096 bytes"},
		{"free list's run", with(func(db *Database) { SetOverflow(db.Page(db.Freelist), 1) }), "states that it takes 2 pages"},
	}
}

func entries() []damage {
	with := func(bucket, key, value string) *Database {
		return spread.Make(small().with(bucket, entry(key, value)).buckets()...)
	}
	const unread = "can't be read"
	return []damage{
		{"consistent index of 7 bytes", with("meta", "consistent_index", "\x00\x00\x00\x00\x00\x00\x01"), unread},
		{"consistent index of 9 bytes", with("meta", "consistent_index", "\x00\x00\x00\x00\x00\x00\x00\x00\x01"), unread},
		{"term of nothing", with("meta", "term", ""), unread},
		{"compaction finished at 8 bytes", with("meta", "finishedCompactRev", "\x00\x00\x00\x00\x00\x00\x00\x09"), unread},
		{"compaction scheduled for -1", with("meta", "scheduledCompactRev", string(Revision(-1, 0, false))), unread},
		{"storage version without end", with("meta", "storageVersion", strings.Repeat("3", 2000)), unread},
		{"cluster version without end", with("cluster", "clusterVersion", strings.Repeat("3", 2000)), unread},
		{"downgrade that is no JSON", with("cluster", "downgrade", "{"), unread},
		{"downgrade without end", with("cluster", "downgrade", `{"target-version":"`+strings.Repeat("3", 2000)+`"}`), unread},
		{"member that is no JSON", with("members", "8e9e05c52164694d", "{"), unread},
		{"member without end", with("members", "8e9e05c52164694d", `{"name":"`+strings.Repeat("c", 20000)+`"}`), unread},
		{"alarm that is no message", with("alarm", "alarm", ""), unread},
		{"alarm cut off", with("alarm", "\x08\xff", ""), unread},
		{"alarm without a kind", with("alarm", "\x08\x01", ""), unread},
	}
}

// Both meta pages are edited and valid.
func TestHostileMetaPages(t *testing.T) {
	le := binary.LittleEndian
	for name, c := range map[string]struct {
		edit func(meta []byte)
		says string
	}{
		"magic":             {func(m []byte) { m[0]++ }, "is it an etcd v3 snapshot?"},
		"version":           {func(m []byte) { m[4] = 3 }, "bbolt file version 3"},
		"page size 0":       {func(m []byte) { le.PutUint32(m[8:], 0) }, "page size 0"},
		"page size 4097":    {func(m []byte) { le.PutUint32(m[8:], 4097) }, "page size 4097"},
		"page size 2 KiB":   {func(m []byte) { le.PutUint32(m[8:], 2<<10) }, "page size 2048"},
		"page size 128 KiB": {func(m []byte) { le.PutUint32(m[8:], 128<<10) }, "page size 131072"},
		"no pages":          {func(m []byte) { le.PutUint64(m[40:], 0) }, "states 0 pages"},
		"two pages":         {func(m []byte) { le.PutUint64(m[40:], 2) }, "states 2 pages"},
		"pages overflow":    {func(m []byte) { le.PutUint64(m[40:], 1<<52+4) }, "states 4503599627370500 pages"},
		"pages of a TiB":    {func(m []byte) { le.PutUint64(m[40:], 1<<28) }, "it ends after"},
		"one page more":     {func(m []byte) { le.PutUint64(m[40:], 5) }, "it ends after"},
	} {
		b := tiny().Bytes()
		for at := range 2 {
			page := b[at*4096:]
			c.edit(page[16:])
			Checksum(page)
		}
		b = Sealed(b)
		_, err := etcdsnap.Verify(context.Background(), bytes.NewReader(b), etcdsnap.VerifyOptions{})
		if !errors.Is(err, etcdsnap.ErrCorrupt) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: the stream: %v, want ErrCorrupt and %q", name, err, c.says)
		}
		if _, err := etcdsnap.Open(bytes.NewReader(b), int64(len(b))); !errors.Is(err, etcdsnap.ErrCorrupt) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: the file: %v, want ErrCorrupt and %q", name, err, c.says)
		}
	}
}

// In what etcd sends both say the same.
func TestMetaPagesOfASnapshotAgree(t *testing.T) {
	for name, edit := range map[string]func(second []byte){
		"torn":         func(p []byte) { p[30]++ },
		"another root": func(p []byte) { p[32]--; Checksum(p) },
		"sequence":     func(p []byte) { p[40]++; Checksum(p) },
	} {
		b := tinyOf(Layout{}, false).Bytes()
		edit(b[4096:])
		_, err := etcdsnap.Verify(context.Background(), bytes.NewReader(Sealed(b)), etcdsnap.VerifyOptions{})
		if !errors.Is(err, etcdsnap.ErrCorrupt) || !strings.Contains(err.Error(), "meta pages do not agree") {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
}

// The digest is right, and the bytes are more or fewer than the meta pages state.
func TestSizeOfASnapshot(t *testing.T) {
	b := tiny().Bytes()
	for name, b := range map[string][]byte{
		"a page more":    append(b[:len(b):len(b)], make([]byte, 4096)...),
		"a byte more":    append(b[:len(b):len(b)], 0),
		"a page less":    b[:len(b)-4096],
		"a byte less":    b[:len(b)-1],
		"a digest twice": Sealed(b),
	} {
		if _, err := etcdsnap.Verify(context.Background(), bytes.NewReader(Sealed(b)), etcdsnap.VerifyOptions{}); !errors.Is(err, etcdsnap.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
}
