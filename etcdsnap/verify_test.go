package etcdsnap_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/clustersnap/clustersnap/etcdsnap"
	. "github.com/clustersnap/clustersnap/etcdsnap/internal/bolttest"
)

// layouts are ways to spread the same buckets over pages.
var layouts = map[string]Layout{
	"a page for each bucket": {PerLeaf: 100},
	"branches":               {PerLeaf: 3, PerBranch: 3},
	"many levels":            {PerLeaf: 1, PerBranch: 2, Levels: 5},
	"root over pages":        {PerRoot: 2, PerBranch: 2},
	"stale pages":            {PerLeaf: 2, Seed: 1, Stale: true},
	"a free list":            {PerLeaf: 2, Seed: 2, Stale: true, Freelist: true},
}

func TestVerify(t *testing.T) {
	t.Parallel()
	for name, layout := range layouts {
		for _, pageSize := range []int{4 << 10, 16 << 10, 64 << 10} {
			t.Run(fmt.Sprintf("%s of %d KiB", name, pageSize>>10), func(t *testing.T) {
				layout.PageSize = pageSize
				c := small()
				db := layout.Make(c.buckets()...)
				b := db.Snapshot()
				want := etcdsnap.Info{
					Size:     int64(len(b)),
					PageSize: pageSize,
					SHA256:   fmt.Sprintf("%x", b[len(b)-32:]),
					Content:  c.content(db),
				}
				if got := verify(t, b, etcdsnap.VerifyOptions{}); !reflect.DeepEqual(got, want) {
					t.Errorf("got\n%+v\n%+v, want\n%+v\n%+v", got, *got.Content, want, *want.Content)
				}
			})
		}
	}
}

func TestAsDeepAsATreeCanBe(t *testing.T) {
	c := small()
	db := Layout{PerLeaf: 3, PerBranch: 3, Levels: 29}.Make(c.buckets()...) // on three levels of their own
	if got := verify(t, db.Snapshot(), etcdsnap.VerifyOptions{}); !reflect.DeepEqual(got.Content, c.content(db)) {
		t.Errorf("got %+v", *got.Content)
	}
}

func TestVerifyTakesReadsOfAnySize(t *testing.T) {
	t.Parallel()
	c := small()
	for _, db := range []*Database{
		Layout{PageSize: 64 << 10}.Make(c.buckets()...),
		Layout{Stale: true}.Make(c.buckets()...),
	} {
		b := db.Snapshot()
		for name, r := range map[string]io.Reader{
			"one byte a read":  iotest.OneByteReader(bytes.NewReader(b)),
			"halves":           iotest.HalfReader(bytes.NewReader(b)),
			"data with an EOF": iotest.DataErrReader(bytes.NewReader(b)),
			"bit by bit":       io.MultiReader(bytes.NewReader(b[:1]), bytes.NewReader(b[1:1]), bytes.NewReader(b[1:])),
		} {
			got, err := etcdsnap.Verify(context.Background(), r, etcdsnap.VerifyOptions{})
			if err != nil || !reflect.DeepEqual(got.Content, c.content(db)) {
				t.Errorf("%s: %+v (%v)", name, got, err)
			}
		}
	}
}

// Values of many pages, larger than what is read at once, with bytes that look like pages of the tree where pages can begin.
func TestVerifyIsNotTakenInByValues(t *testing.T) {
	t.Parallel()
	for _, pageSize := range []int{4 << 10, 64 << 10} {
		c := small()
		c.records = append(c.records, Delete(17, "compact_rev_key")) // so that the next two share a page
		for i, key := range []string{"/registry/secrets/default/a", "/registry/secrets/default/b"} {
			c.resources[key] = "secrets"
			c.records = append(c.records, Put(int64(20+i), key, strings.Repeat("v", 700<<10)))
		}
		layout := Layout{PageSize: pageSize, PerLeaf: 2, Seed: 4}
		db := layout.Make(c.buckets()...)
		var id uint64 // of the page with both large values
		for _, leaf := range db.Leaves["key"] {
			if _, v := ItemAt(db.Page(leaf), 0); len(v) > 700<<10 {
				id = leaf
			}
		}
		if id == 0 {
			t.Fatal("the large values are on no page together")
		}
		key := Item{Key: Revision(1, 0, false), Value: []byte("nothing that could be decoded")}
		lookalikes := func(id uint64) [][]byte {
			other := db.Leaves["key"][0]
			broken := LeafPage(pageSize, id, Put(30, "k", "v").Item())
			SetValueSize(broken, 0, 1<<31)
			beyond := LeafPage(pageSize, id, Put(30, "k", "v").Item())
			SetOverflow(beyond, 1<<32-1)
			long := LeafPage(pageSize, id, Put(30, "k", "v").Item())
			SetOverflow(long, 3)
			return [][]byte{
				LeafPage(pageSize, id, Put(30, "k", "v").Item()),
				LeafPage(pageSize, id, key),
				BranchPage(pageSize, id, Child{Key: Revision(1, 0, false), ID: other}, Child{Key: Revision(9, 0, false), ID: id}),
				broken, beyond, long,
			}
		}
		run := db.Page(id)[:(2*(700<<10)/pageSize)*pageSize]
		for at := 1; at < len(run)/pageSize-1; at++ {
			if at == (700<<10)/pageSize {
				continue // the second record begins about here
			}
			page := lookalikes(id + uint64(at))[at%6]
			copy(run[at*pageSize:], page[:200])
		}
		for i := range 2 {
			_, v := ItemAt(db.Page(id), i)
			c.records[len(c.records)-2+i].Value = string(v[len(v)-700<<10:])
		}
		want := c.content(db)
		want.Revision, want.Records = 21, 20
		if got := verify(t, db.Snapshot(), etcdsnap.VerifyOptions{}); !reflect.DeepEqual(got.Content, want) {
			t.Errorf("%d-byte pages: got\n%+v, want\n%+v", pageSize, *got.Content, *want)
		}
	}
}

func TestContentOfAnEmptyEtcd(t *testing.T) {
	db := Layout{}.Make(Bucket{Name: "key"}, Bucket{Name: "meta", Inline: true})
	want := &etcdsnap.Content{Revision: 1, InUse: 4 * 4096, Hash: hashOf([]Bucket{{Name: "key"}, {Name: "meta"}}), Keyspace: &etcdsnap.Keyspace{}}
	if got := verify(t, db.Snapshot(), etcdsnap.VerifyOptions{}); !reflect.DeepEqual(got.Content, want) {
		t.Errorf("got %+v, want %+v", got.Content, want)
	}
}

// The revision follows what a compaction has left: see etcd-io/etcd#17780.
func TestRevisionAfterCompaction(t *testing.T) {
	meta := func(name string, rev int64) Item { return Item{Key: []byte(name), Value: Revision(rev, 0, false)} }
	for name, c := range map[string]struct {
		meta              []Item
		revision, compact int64
	}{
		"none":            {nil, 16, 0},
		"finished":        {[]Item{meta("finishedCompactRev", 9), meta("scheduledCompactRev", 9)}, 16, 9},
		"only scheduled":  {[]Item{meta("scheduledCompactRev", 11)}, 16, 11},
		"all was deleted": {[]Item{meta("finishedCompactRev", 30), meta("scheduledCompactRev", 30)}, 30, 30},
		"crashed":         {[]Item{meta("finishedCompactRev", 9), meta("scheduledCompactRev", 30)}, 30, 30},
	} {
		db := Layout{}.Make(Bucket{Name: "key", Items: Items(small().records...)}, Bucket{Name: "meta", Items: c.meta})
		got := verify(t, db.Snapshot(), etcdsnap.VerifyOptions{}).Content
		if got.Revision != c.revision || got.CompactRevision != c.compact {
			t.Errorf("%s: revision %d, compacted to %d, want %d and %d", name, got.Revision, got.CompactRevision, c.revision, c.compact)
		}
		s := open(t, db.Snapshot())
		if s.Revision() != c.revision || s.CompactRevision() != c.compact {
			t.Errorf("%s: the file has revision %d, compacted to %d", name, s.Revision(), s.CompactRevision())
		}
	}
}

func TestPrefix(t *testing.T) {
	c := small()
	c.resources["/registry/pods/default/a"] = "registry"
	for key := range c.resources {
		if strings.HasPrefix(key, "/registry/") {
			c.resources[key] = "registry"
		}
	}
	c.resources["/elsewhere/pods/c"] = "pods"
	db := Layout{}.Make(c.buckets()...)
	for _, prefix := range []string{"/elsewhere", "/elsewhere/"} {
		got := verify(t, db.Snapshot(), etcdsnap.VerifyOptions{Prefix: prefix}).Content.Keyspace
		if want := c.keyspace(); !reflect.DeepEqual(got, want) {
			t.Errorf("below %s: got\n%+v, want\n%+v", prefix, got, want)
		}
	}
}

// A restore that raised the revision has left a record that is nobody's.
func TestRecordWithoutAKeyIsOfNoResource(t *testing.T) {
	c := small().with("meta", Item{Key: []byte("scheduledCompactRev"), Value: Revision(1_000_000_016, 0, false)})
	buckets := c.buckets()
	for i := range buckets {
		if buckets[i].Name == "key" {
			buckets[i].Items = append(buckets[i].Items, Item{Key: Revision(1_000_000_016, 0, false)})
		}
	}
	db := Layout{}.Make(buckets...)
	want := c.content(db)
	want.Revision, want.CompactRevision, want.Records = 1_000_000_016, 1_000_000_016, 18
	want.Hash = hashOf(buckets)
	if got := verify(t, db.Snapshot(), etcdsnap.VerifyOptions{}); !reflect.DeepEqual(got.Content, want) {
		t.Errorf("got\n%+v, want\n%+v", *got.Content, *want)
	}
}

// copied is a database file as a copy of it can be: see the cases.
func TestVerifyWithoutDigest(t *testing.T) {
	c := small()
	db := Layout{Stale: true}.Make(c.buckets()...)
	want := c.content(db)
	older := *db
	older.Txid, older.Root = db.Txid-3, db.Leaves["key"][0]
	olderMeta := older.Bytes()[:4096]
	edited := func(edit func(b []byte)) []byte {
		b := db.Bytes()
		edit(b)
		return b
	}
	for name, b := range map[string][]byte{
		"as it is":             db.Bytes(),
		"extra pages":          append(db.Bytes(), make([]byte, 5*4096)...),
		"extra pages with old": append(db.Bytes(), db.Bytes()[2*4096:]...),
		"torn first":           edited(func(b []byte) { clear(b[40:4096]) }),
		"torn second":          edited(func(b []byte) { clear(b[4096+40 : 2*4096]) }),
		"older second": edited(func(b []byte) {
			copy(b[4096:], olderMeta)
			SetID(b[4096:], 1)
		}),
		"older first": edited(func(b []byte) { copy(b, olderMeta) }),
	} {
		info := verify(t, b, etcdsnap.VerifyOptions{NoDigest: true})
		if info.SHA256 != "" || info.Size != int64(len(b)) || !reflect.DeepEqual(info.Content, want) {
			t.Errorf("%s: got %+v\n%+v, want\n%+v", name, info, *info.Content, *want)
		}
		if _, err := etcdsnap.Verify(context.Background(), bytes.NewReader(b), etcdsnap.VerifyOptions{}); !errors.Is(err, etcdsnap.ErrNoDigest) || !errors.Is(err, etcdsnap.ErrCorrupt) {
			t.Errorf("%s: with a digest wanted: %v, want ErrNoDigest and ErrCorrupt", name, err)
		}
		cut := b[:len(b)-1]
		if _, err := etcdsnap.Verify(context.Background(), bytes.NewReader(cut), etcdsnap.VerifyOptions{NoDigest: true}); !errors.Is(err, etcdsnap.ErrCorrupt) {
			t.Errorf("%s: one byte short: %v, want ErrCorrupt", name, err)
		}
	}
	// One that is there counts.
	b := db.Snapshot()
	if info := verify(t, b, etcdsnap.VerifyOptions{NoDigest: true}); info.SHA256 == "" {
		t.Error("the digest was not looked at")
	}
	b[len(b)-1]++
	if _, err := etcdsnap.Verify(context.Background(), bytes.NewReader(b), etcdsnap.VerifyOptions{NoDigest: true}); !errors.Is(err, etcdsnap.ErrCorrupt) {
		t.Errorf("a wrong digest: %v, want ErrCorrupt", err)
	}
}

// What goes on without end ends with an error.
func TestVerifyEndsEndless(t *testing.T) {
	b := Layout{}.Make(small().buckets()...).Snapshot()
	_, err := etcdsnap.Verify(context.Background(), io.MultiReader(bytes.NewReader(b), zeros{}), etcdsnap.VerifyOptions{})
	if !errors.Is(err, etcdsnap.ErrCorrupt) {
		t.Errorf("got %v, want ErrCorrupt", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// Also the error that says that something below it ended too early: its bytes may all have come by.
func TestReaderErrorIsPassedOn(t *testing.T) {
	b := Layout{}.Make(small().buckets()...).Snapshot()
	for _, boom := range []error{errors.New("disk on fire"), io.ErrUnexpectedEOF} {
		for _, n := range []int{0, 9000, len(b)} {
			_, err := etcdsnap.Verify(context.Background(), io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(boom)), etcdsnap.VerifyOptions{})
			if !errors.Is(err, boom) || errors.Is(err, etcdsnap.ErrCorrupt) {
				t.Errorf("after %d bytes: got %v, want the reader's error %v alone", n, err, boom)
			}
		}
	}
}

func TestVerifyEndsWithContext(t *testing.T) {
	why := errors.New("no longer wanted")
	ctx, cancel := context.WithCancelCause(context.Background())
	b := Layout{}.Make(small().buckets()...).Snapshot()
	r := io.MultiReader(bytes.NewReader(b[:5000]), readFunc(func([]byte) (int, error) {
		cancel(why)
		return 0, nil
	}), bytes.NewReader(b[5000:]))
	if _, err := etcdsnap.Verify(ctx, r, etcdsnap.VerifyOptions{}); !errors.Is(err, why) {
		t.Errorf("got %v, want the context's cause", err)
	}
	s := open(t, b)
	if _, err := s.Content(ctx, ""); !errors.Is(err, why) {
		t.Errorf("Content: got %v, want the context's cause", err)
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }
