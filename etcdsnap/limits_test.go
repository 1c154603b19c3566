package etcdsnap_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/etcdsnap"
	. "github.com/clustersnap/clustersnap/etcdsnap/internal/bolttest"
)

// many is an etcd with n keys of one resource, each written twice.
func many(n int) cluster {
	c := cluster{resources: map[string]string{}, others: small().others}
	for i := range n {
		key := fmt.Sprintf("/registry/pods/default/%d", i)
		c.resources[key] = "pods"
		c.records = append(c.records, Put(int64(2+i), key, "value"))
	}
	for i := range n {
		r := c.records[i]
		r.Main, r.Version = int64(2+n+i), 2
		c.records = append(c.records, r)
	}
	return c
}

// What counts live keys is given up first, then the walk; everything else stays right.
func TestLimitOfWhatIsKept(t *testing.T) {
	t.Parallel()
	db := Layout{PerLeaf: 20, PerBranch: 50, Stale: true, Seed: 1}.Make(many(2000).buckets()...)
	b := db.Snapshot()
	want := verify(t, b, etcdsnap.VerifyOptions{})
	uncounted := *want.Content
	uncounted.Keyspace = nil
	damaged := damagedAt(db, db.Leaves["key"][150])
	seen := []string{"all"}
	for limit := 1 << 20; limit > 0; limit /= 2 {
		got, err := etcdsnap.VerifyBytes(b, etcdsnap.VerifyOptions{}, limit)
		content := got.Content
		got.Content = want.Content
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("limit %d: %+v (%v), want %+v", limit, got, err, want)
		}
		phase := ""
		switch {
		case content == nil:
			phase = "none"
		case reflect.DeepEqual(content, want.Content):
			phase = "all"
		case reflect.DeepEqual(content, &uncounted):
			phase = "uncounted"
		default:
			t.Fatalf("limit %d: %+v, want %+v", limit, *content, *want.Content)
		}
		if phase != seen[len(seen)-1] {
			seen = append(seen, phase)
		}
		if _, err := etcdsnap.VerifyBytes(damaged, etcdsnap.VerifyOptions{}, limit); (content != nil) != errors.Is(err, etcdsnap.ErrCorrupt) {
			t.Errorf("limit %d: damage: %v", limit, err)
		}
	}
	if !slices.Equal(seen, []string{"all", "uncounted", "none"}) {
		t.Errorf("with less and less there is %q", seen)
	}
}

// damagedAt is the snapshot of db with a revision of a leaf page twice.
func damagedAt(db *Database, leaf uint64) []byte {
	page := bytes.Clone(db.Page(leaf)[:db.PageSize])
	defer db.Put(leaf, page)
	first, _ := ItemAt(page, 0)
	second, _ := ItemAt(db.Page(leaf), 1)
	copy(second, first)
	return db.Snapshot()
}

// Free pages that lie over each other would be looked at again and again.
func TestOverlappingPagesAreNotLookedAtForever(t *testing.T) {
	const run = 1000 * 4096
	broken := LeafPage(4096, 0, Item{Key: []byte("k"), Value: make([]byte, run-200)}, Item{Key: []byte("l")})
	SetPos(broken, 1, 1<<31)
	c := small()
	for name, page := range map[string][]byte{
		"records":      LeafPage(4096, 0, Put(2, "k", strings.Repeat("v", run-200)).Item()),
		"branches":     BranchPage(4096, 0, Child{Key: bytes.Repeat([]byte("k"), run-200), ID: 3}),
		"damaged ones": broken,
	} {
		db := Layout{}.Make(c.buckets()...)
		want := c.content(db)
		for range 2000 {
			SetID(page, uint64(db.Pages()))
			db.Free = append(db.Free, db.Append(page[:4096]))
		}
		b := db.Snapshot()
		peak := peakOf(bytes.NewReader(b))
		if _, err := etcdsnap.Verify(context.Background(), peak, etcdsnap.VerifyOptions{}); err == nil || errors.Is(err, etcdsnap.ErrCorrupt) {
			t.Errorf("%s: %v, want that it is too much", name, err)
		}
		peak.below(t, name, 100<<20)
		if got, err := open(t, b).Content(context.Background(), ""); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the file has %+v (%v), want %+v", name, got, err, want)
		}
	}
}

// What a meta page states of the size must not decide how much is kept of the little that comes.
func TestMemoryIsOfWhatHasPassed(t *testing.T) {
	const run = 256 // pages, of 4 KiB
	db := Layout{}.Make(small().buckets()...)
	page := BranchPage(4096, 0, Child{Key: bytes.Repeat([]byte("k"), run*4096-200), ID: 3})
	for range 1500 {
		SetID(page, uint64(db.Pages()))
		db.Append(page[:4096])
	}
	b := db.Bytes()
	for at := range 2 {
		page := b[at*4096:]
		page[16+40+3] = 0x0f // almost a TiB
		Checksum(page)
	}
	peak := peakOf(bytes.NewReader(b))
	if _, err := etcdsnap.Verify(context.Background(), peak, etcdsnap.VerifyOptions{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v, want an unexpected EOF", err)
	}
	peak.below(t, "pages of a TiB", 200<<20)
}

// distinct is an etcd whose n keys are n resources of up to three records.
func distinct(n int) cluster {
	c := cluster{resources: map[string]string{}}
	rev := int64(1)
	for version := range 3 {
		for i := range n {
			if i%3 < version {
				continue
			}
			rev++
			key := fmt.Sprintf("%s%d", strings.Repeat("long", 20), i)
			c.resources[key] = key
			c.records = append(c.records, Record{Main: rev, Key: key, Value: "v", Create: int64(2 + i), Version: int64(version + 1)})
		}
	}
	return c
}

// The order of pages, which the stream follows, and that of keys, which the file does, must not decide which of many
// resources are told apart.
func TestManyResources(t *testing.T) {
	t.Parallel()
	c := distinct(5000)
	db := Layout{PerLeaf: 60, PerBranch: 100, Seed: 9, PageSize: 16 << 10}.Make(Bucket{Name: "key", Items: Items(c.records...)})
	got := verify(t, db.Snapshot(), etcdsnap.VerifyOptions{}).Content.Keyspace
	want := c.keyspace()
	rest := etcdsnap.Usage{Resource: "(others)"}
	for _, u := range want.Resources[4095:] {
		rest.Keys += u.Keys
		rest.Bytes += u.Bytes
		rest.Records += u.Records
		rest.RecordBytes += u.RecordBytes
	}
	want.Resources = append(want.Resources[:4095], rest)
	slices.SortFunc(want.Resources, func(a, b etcdsnap.Usage) int {
		return cmp.Or(cmp.Compare(b.RecordBytes, a.RecordBytes), cmp.Compare(a.Resource, b.Resource))
	})
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %d resources of %d keys, the first %+v, want %d of %d, %+v", len(got.Resources), got.Keys, got.Resources[:2], len(want.Resources), want.Keys, want.Resources[:2])
	}
}

// Each key with a resource of its own, and a long name, makes neither memory nor the result grow.
func TestResourcesWithoutEnd(t *testing.T) {
	const n = 70_000 // more than a uint16 counts
	var records []Record
	for i := range n {
		records = append(records, Put(int64(2+i), fmt.Sprintf("%s%d", strings.Repeat("n", 60), i), "v"))
	}
	db := Layout{PerLeaf: 100, PerBranch: 100, PageSize: 64 << 10}.Make(Bucket{Name: "key", Items: Items(records...)})
	b := db.Snapshot()
	peak := peakOf(bytes.NewReader(b))
	info, err := etcdsnap.Verify(context.Background(), peak, etcdsnap.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	peak.below(t, "resources", 24<<20)
	k := info.Content.Keyspace
	if k.Keys != n || len(k.Resources) != 4096 {
		t.Fatalf("%d keys, and %d resources", k.Keys, len(k.Resources))
	}
	for i, u := range k.Resources {
		want := int64(1)
		if i == 0 {
			want = n - 4095 // of "(others)"
		}
		if u.Keys != want || u.Records != want {
			t.Fatalf("number %d is %+v, want %d keys and records", i, u, want)
		}
	}
}

// peak reads, and sees now and then how much memory is in use.
type peak struct {
	r           io.Reader
	n           int
	before, max uint64
}

func peakOf(r io.Reader) *peak {
	p := &peak{r: r}
	p.before = inUse()
	return p
}

func (p *peak) Read(b []byte) (int, error) {
	if p.n++; p.n%8 == 0 {
		p.max = max(p.max, inUse())
	}
	return p.r.Read(b)
}

func (p *peak) below(t *testing.T, what string, limit uint64) {
	t.Helper()
	t.Logf("%s: %d MiB in use", what, (p.max-min(p.max, p.before))>>20)
	if p.max > p.before+limit {
		t.Errorf("%s: %d MiB are in use, want less than %d", what, (p.max-p.before)>>20, limit>>20)
	}
}

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
