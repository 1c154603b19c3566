package etcdsnap_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/clustersnap/clustersnap/etcdsnap"
	. "github.com/clustersnap/clustersnap/etcdsnap/internal/bolttest"
)

// checkView compares a view with the model, as a whole and key by key: what Range and Get give is not asked.
func checkView(t *testing.T, s *etcdsnap.Snapshot, h history, prefix string, rev int64) {
	t.Helper()
	ctx := context.Background()
	v, err := s.View(ctx, prefix, rev)
	if err != nil {
		t.Fatal(err)
	}
	if rev == 0 {
		rev = h.last
	}
	want := map[string]Record{}
	for _, rec := range h.at(rev) {
		if strings.HasPrefix(rec.Key, prefix) {
			want[rec.Key] = rec
		}
	}
	if v.Revision() != rev || v.Len() != len(want) {
		t.Fatalf("revision %d, keys %q: the view is of %d with %d keys, want %d", rev, prefix, v.Revision(), v.Len(), len(want))
	}
	for range 2 { // as often as one likes
		n := 0
		for kv, err := range v.Keys(ctx) {
			if err != nil || !same(kv, want[string(kv.Key)]) {
				t.Fatalf("revision %d, keys %q: %v (%v)", rev, prefix, kv, err)
			}
			n++
		}
		if n != len(want) {
			t.Fatalf("revision %d, keys %q: %d keys, want %d", rev, prefix, n, len(want))
		}
	}
	for _, below := range []string{prefix, prefix + "/", "/a", "/c/d", "/none"} {
		n := 0
		for kv, err := range v.Below(ctx, below) {
			if err != nil || !same(kv, want[string(kv.Key)]) || !strings.HasPrefix(string(kv.Key), below) {
				t.Fatalf("revision %d, keys %q of %q: %v (%v)", rev, below, prefix, kv, err)
			}
			n++
		}
		for key := range want {
			if strings.HasPrefix(key, below) {
				n--
			}
		}
		if n != 0 {
			t.Fatalf("revision %d, keys %q of %q: %d too many", rev, below, prefix, n)
		}
	}
	for _, key := range []string{"/a", "/a/a", "/b", "/b/b", "/c/d", "/none", ""} {
		kv, err := v.Get(ctx, key)
		rec, live := want[key]
		switch {
		case !strings.HasPrefix(key, prefix):
			if err == nil || errors.Is(err, etcdsnap.ErrNotFound) {
				t.Fatalf("a view of keys %q on %q: %v (%v), want that it does not know", prefix, key, kv, err)
			}
		case !live:
			if !errors.Is(err, etcdsnap.ErrNotFound) {
				t.Fatalf("revision %d, key %q: %v (%v), want ErrNotFound", rev, key, kv, err)
			}
		case err != nil || !same(kv, rec):
			t.Fatalf("revision %d, key %q: %v (%v), want %+v", rev, key, kv, err, rec)
		}
	}
}

func TestViewIsOfOneRevision(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 6))
		h := write(r, 4+5*int(seed))
		for _, c := range compactions(r, h.last) {
			s := snapshotOf(t, r, h, c)
			for rev := max(1, c.rev); rev <= h.last; rev += 1 + r.Int64N(4) {
				for _, prefix := range []string{"", "/", "/a", "/b/", "/none"} {
					checkView(t, s, h, prefix, rev)
				}
			}
			checkView(t, s, h, "/", 0)
			for rev, want := range map[int64]error{c.rev - 1: etcdsnap.ErrCompacted, h.last + 1: etcdsnap.ErrFuture} {
				if _, err := s.View(context.Background(), "", rev); rev != 0 && !errors.Is(err, want) {
					t.Fatalf("revision %d: %v, want %v", rev, err, want)
				}
			}
		}
	}
}

// Pages are read again for each value: a disk that fails then is told, and so is an end of the context.
func TestViewTellsWhatFails(t *testing.T) {
	b := Layout{PerLeaf: 2}.Make(small().buckets()...).Snapshot()
	disk := &failing{r: bytes.NewReader(b), left: 1000, err: errors.New("disk on fire")}
	s, err := etcdsnap.Open(disk, int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.View(context.Background(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	const key = "/registry/pods/default/a"
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("no longer wanted")
	cancel(why)
	disk.left = 0
	for ctx, want := range map[context.Context]error{context.Background(): disk.err, ctx: why} {
		if _, err := v.Get(ctx, key); !errors.Is(err, want) {
			t.Errorf("get: %v, want %v", err, want)
		}
	}
	var last error
	for kv, err := range v.Keys(context.Background()) {
		if last = err; kv != nil {
			t.Errorf("%q was read from a disk that fails", kv.Key)
		}
	}
	if !errors.Is(last, disk.err) || errors.Is(last, etcdsnap.ErrCorrupt) {
		t.Errorf("keys: %v, want %v", last, disk.err)
	}
	disk.left = 1000 // and what failed is not remembered
	if kv, err := v.Get(context.Background(), key); err != nil || string(kv.Value) != "two, which is longer" {
		t.Errorf("afterwards: %v (%v)", kv, err)
	}
}

func TestViewIsForManyAtOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 7))
	h := write(r, 60)
	s := snapshotOf(t, r, h, compaction{})
	v, err := s.View(context.Background(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	want := h.at(h.last)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 20 {
				for i, rec := range want {
					if kv, err := v.Get(context.Background(), rec.Key); err != nil || !same(kv, want[i]) {
						t.Errorf("%v (%v), want %+v", kv, err, rec)
					}
				}
			}
		})
	}
	wait.Wait()
}
