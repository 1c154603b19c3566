package etcdsnap_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/etcdsnap"
	. "github.com/clustersnap/clustersnap/etcdsnap/internal/bolttest"
)

// compaction is how far one has come.
type compaction struct {
	rev      int64
	upTo     int64 // records up to here have been looked at
	finished bool
}

func compactions(r *rand.Rand, last int64) []compaction {
	rev := 2 + r.Int64N(last-1)
	return []compaction{
		{},
		{rev: rev, upTo: rev, finished: true},
		{rev: rev},
		{rev: rev, upTo: r.Int64N(rev)},
		{rev: last, upTo: last, finished: true},
	}
}

// snapshotOf lays out what is stored of a history.
func snapshotOf(t *testing.T, r *rand.Rand, h history, c compaction) *etcdsnap.Snapshot {
	t.Helper()
	var meta []Item
	if c.finished {
		meta = append(meta, Item{Key: []byte("finishedCompactRev"), Value: Revision(c.rev, 0, false)})
	}
	if c.rev > 0 {
		meta = append(meta, Item{Key: []byte("scheduledCompactRev"), Value: Revision(c.rev, 0, false)})
	}
	items := Items(h.stored(c.rev, c.upTo)...)
	layout := Layout{PerLeaf: 1 + r.IntN(6), PerBranch: 2 + r.IntN(4), Seed: r.Uint64(), Stale: r.IntN(2) == 0}
	db := layout.Make(Bucket{Name: "key", Items: items, Inline: len(items) < 10}, Bucket{Name: "meta", Items: meta, Inline: true})
	b := db.Snapshot()
	verify(t, b, etcdsnap.VerifyOptions{})
	return open(t, b)
}

func TestEveryRevisionCanBeRead(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 1))
		h := write(r, 2+3*int(seed))
		for _, c := range compactions(r, h.last) {
			s := snapshotOf(t, r, h, c)
			if s.Revision() != h.last || s.CompactRevision() != c.rev {
				t.Fatalf("seed %d, %+v: revision %d, compacted to %d, want %d", seed, c, s.Revision(), s.CompactRevision(), h.last)
			}
			for rev := max(1, c.rev); rev <= h.last; rev++ {
				checkRevision(t, s, h, rev, r)
			}
			checkRevision(t, s, h, 0, r)
			for rev, want := range map[int64]error{c.rev - 1: etcdsnap.ErrCompacted, -1: etcdsnap.ErrCompacted, h.last + 1: etcdsnap.ErrFuture} {
				checkRefused(t, s, rev, want)
			}
		}
	}
}

// checkRevision compares a revision, 0 for the latest, with the model: by prefixes, and key by key.
func checkRevision(t *testing.T, s *etcdsnap.Snapshot, h history, rev int64, r *rand.Rand) {
	t.Helper()
	at := rev
	if rev == 0 {
		at = h.last
	}
	live := h.at(at)
	for _, prefix := range []string{"", "/", "/a", "/b/", "/c/d", "/none"} {
		var want []Record
		for _, rec := range live {
			if strings.HasPrefix(rec.Key, prefix) {
				want = append(want, rec)
			}
		}
		i := 0
		for kv, err := range s.Range(context.Background(), prefix, rev) {
			if err != nil || i == len(want) || !same(kv, want[i]) {
				t.Fatalf("revision %d, keys %q: number %d is %v (%v), want %+v", rev, prefix, i, kv, err, want)
			}
			i++
		}
		if i != len(want) {
			t.Fatalf("revision %d, keys %q: %d keys, want %d", rev, prefix, i, len(want))
		}
	}
	key := fmt.Sprintf("/%c/%c", 'a'+rune(r.IntN(3)), 'a'+rune(r.IntN(4)))
	kv, err := s.Get(context.Background(), key, rev)
	for _, rec := range live {
		if rec.Key == key {
			if err != nil || !same(kv, rec) {
				t.Fatalf("revision %d, key %q: %v (%v), want %+v", rev, key, kv, err, rec)
			}
			return
		}
	}
	if !errors.Is(err, etcdsnap.ErrNotFound) || errors.Is(err, etcdsnap.ErrCorrupt) {
		t.Fatalf("revision %d, key %q: %v (%v), want ErrNotFound", rev, key, kv, err)
	}
}

func same(kv *mvccpb.KeyValue, r Record) bool {
	return string(kv.Key) == r.Key && string(kv.Value) == r.Value && kv.CreateRevision == r.Create &&
		kv.ModRevision == r.Main && kv.Version == r.Version && kv.Lease == r.Lease
}

// checkRefused sees to it that a revision is refused, by an error that is the last that is yielded.
func checkRefused(t *testing.T, s *etcdsnap.Snapshot, rev int64, want error) {
	t.Helper()
	if rev == 0 {
		return // the latest
	}
	n := 0
	for kv, err := range s.Range(context.Background(), "", rev) {
		n++
		if kv != nil || !errors.Is(err, want) {
			t.Errorf("revision %d: %v (%v), want %v", rev, kv, err, want)
		}
	}
	if n != 1 {
		t.Errorf("revision %d: %d results, want the error", rev, n)
	}
	if _, err := s.Get(context.Background(), "/a", rev); !errors.Is(err, want) {
		t.Errorf("revision %d: %v, want %v", rev, err, want)
	}
	if _, err := s.HashKV(context.Background(), rev, 0); !errors.Is(err, want) {
		t.Errorf("hash at revision %d: %v, want %v", rev, err, want)
	}
}

// A member has compacted as far as the snapshot, or further.
func TestHashKV(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 2))
		h := write(r, 2+2*int(seed))
		if seed%4 == 0 { // at last nothing is left: a hash has nothing to keep
			for _, rec := range h.at(h.last) {
				h.last++
				h.records = append(h.records, Delete(h.last, rec.Key))
			}
		}
		for _, c := range compactions(r, h.last) {
			s := snapshotOf(t, r, h, c)
			for compacted := c.rev; compacted <= h.last; compacted += 1 + r.Int64N(6) {
				for rev := max(1, compacted); rev <= h.last; rev += 1 + r.Int64N(3) {
					got, err := s.HashKV(context.Background(), rev, compacted)
					if want := h.hash(rev, compacted); err != nil || got != want {
						t.Fatalf("seed %d, %+v: at revision %d, compacted to %d: %08x (%v), want %08x", seed, c, rev, compacted, got, err, want)
					}
				}
			}
			for _, same := range []int64{0, -1} { // -1 is what a member says that never compacted
				if got, err := s.HashKV(context.Background(), 0, same); err != nil || got != h.hash(h.last, c.rev) {
					t.Errorf("seed %d, %+v: %08x (%v), want %08x", seed, c, got, err, h.hash(h.last, c.rev))
				}
			}
			if _, err := s.HashKV(context.Background(), 0, c.rev-1); c.rev > 1 && !errors.Is(err, etcdsnap.ErrCompacted) {
				t.Errorf("a member that compacted less: %v, want ErrCompacted", err)
			}
		}
	}
}

// A restore raises the revision by a record without a key, and schedules the compaction of all before it.
func TestRaisedRevision(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	h := write(r, 20)
	before, raised := h, h.last+1_000_000_000
	h.records = append(h.records, Record{Main: raised}, Put(raised+1, "/new", "v"))
	h.last = raised + 1
	s := snapshotOf(t, r, h, compaction{rev: raised})
	if s.Revision() != h.last || s.CompactRevision() != raised {
		t.Fatalf("revision %d, compacted to %d, want %d and %d", s.Revision(), s.CompactRevision(), h.last, raised)
	}
	checkRefused(t, s, before.last, etcdsnap.ErrCompacted)
	live := before // what there is at the raised revision, and the record without a key is nothing
	live.last = raised
	checkRevision(t, s, live, raised, r)
	for rev := raised; rev <= h.last; rev++ {
		if got, err := s.HashKV(context.Background(), rev, 0); err != nil || got != h.hash(rev, raised) {
			t.Errorf("at revision %d: %08x (%v), want %08x", rev, got, err, h.hash(rev, raised))
		}
	}
}

func TestRangeEndsEarly(t *testing.T) {
	s := open(t, Layout{}.Make(small().buckets()...).Snapshot())
	n := 0
	for range s.Range(context.Background(), "", 0) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d keys, want 3", n)
	}
}

func TestReadingEndsWithContext(t *testing.T) {
	why := errors.New("no longer wanted")
	for _, inline := range []bool{false, true} {
		s := open(t, Layout{}.Make(Bucket{Name: "key", Inline: inline, Items: Items(small().records...)}).Snapshot())
		ctx, cancel := context.WithCancelCause(context.Background())
		defer cancel(nil)
		n := 0
		var last error
		for kv, err := range s.Range(ctx, "", 0) {
			cancel(why)
			if n++; kv == nil {
				last = err
			}
		}
		if n != 2 || !errors.Is(last, why) {
			t.Errorf("inline %v: after the first of %d: %v, want the context's cause", inline, n, last)
		}
		for _, err := range s.Range(ctx, "none", 0) {
			last = err
		}
		_, gerr := s.Get(ctx, "none", 0)
		_, herr := s.HashKV(ctx, 0, 0)
		for _, err := range []error{last, gerr, herr} {
			if !errors.Is(err, why) {
				t.Errorf("inline %v: %v, want the context's cause", inline, err)
			}
		}
	}
}

// A disk that fails at some read: its error comes through, and the bytes are not called damaged.
func TestReaderAtErrorIsPassedOn(t *testing.T) {
	b := Layout{PerLeaf: 2}.Make(small().buckets()...).Snapshot()
	boom := errors.New("disk on fire")
	ctx := context.Background()
	for n := range 1000 {
		s, err := etcdsnap.Open(&failing{r: bytes.NewReader(b), left: n, err: boom}, int64(len(b)))
		if err == nil {
			_, err = s.Content(ctx, "")
		}
		if err == nil {
			for _, rerr := range s.Range(ctx, "", 0) {
				err = rerr
			}
		}
		if err == nil {
			_, err = s.HashKV(ctx, 0, 0)
		}
		if err == nil && n > 50 {
			return // that many reads it takes
		}
		if !errors.Is(err, boom) || errors.Is(err, etcdsnap.ErrCorrupt) {
			t.Fatalf("read %d fails: %v, want the reader's error alone", n, err)
		}
	}
	t.Error("there is no end of reads")
}

type failing struct {
	r    io.ReaderAt
	left int
	err  error
}

func (f *failing) ReadAt(p []byte, at int64) (int, error) {
	if f.left--; f.left < 0 {
		return 0, f.err
	}
	return f.r.ReadAt(p, at)
}

func TestSnapshotIsForManyAtOnce(t *testing.T) {
	h := write(rand.New(rand.NewPCG(1, 4)), 60)
	s := snapshotOf(t, rand.New(rand.NewPCG(1, 4)), h, compaction{})
	var wait sync.WaitGroup
	for i := range uint64(4) {
		wait.Go(func() {
			for rev := h.last - 5; rev <= h.last; rev++ {
				checkRevision(t, s, h, rev, rand.New(rand.NewPCG(i, 5)))
			}
			if got, err := s.HashKV(context.Background(), 0, 0); err != nil || got != h.hash(h.last, 0) {
				t.Errorf("%08x (%v), want %08x", got, err, h.hash(h.last, 0))
			}
			if _, err := s.Content(context.Background(), ""); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
}
