package etcdsnap_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/etcdsnap"
	. "github.com/clustersnap/clustersnap/etcdsnap/internal/bolttest"
)

// What is stored comes as it was written, whatever was compacted and from wherever one begins.
func TestEventsAreWhatIsStored(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 8))
		h := write(r, 4+5*int(seed))
		for _, c := range compactions(r, h.last) {
			s := snapshotOf(t, r, h, c)
			for after := int64(0); after <= h.last; after += 1 + r.Int64N(5) {
				for _, prefix := range []string{"", "/a", "/b/", "/none"} {
					checkEvents(t, s, h.stored(c.rev, c.upTo), prefix, after)
				}
			}
		}
	}
}

func checkEvents(t *testing.T, s *etcdsnap.Snapshot, stored []Record, prefix string, after int64) {
	t.Helper()
	var want []Record
	for _, rec := range stored {
		if rec.Main > after && strings.HasPrefix(rec.Key, prefix) {
			want = append(want, rec)
		}
	}
	i := 0
	for e, err := range s.Events(context.Background(), prefix, after) {
		if err != nil || i == len(want) || !sameEvent(e, want[i]) {
			t.Fatalf("after %d, keys %q: number %d is %v (%v), want %+v", after, prefix, i, e, err, want)
		}
		i++
	}
	if i != len(want) {
		t.Fatalf("after %d, keys %q: %d events, want %d", after, prefix, i, len(want))
	}
}

// sameEvent follows what a watch gives: of a key that was deleted, its name and when.
func sameEvent(e *mvccpb.Event, r Record) bool {
	if !r.Tombstone {
		return e.Type.String() == "PUT" && e.PrevKv == nil && same(e.Kv, r)
	}
	return e.Type.String() == "DELETE" && e.PrevKv == nil && same(e.Kv, Record{Main: r.Main, Key: r.Key})
}

// What a restore with a raised revision leaves is no event of anybody's.
func TestEventsLeaveOutTheRecordWithoutKey(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	h := write(r, 20)
	before := h.records
	h.last += 1_000_000
	h.records = append(before[:len(before):len(before)], Record{Main: h.last})
	checkEvents(t, snapshotOf(t, r, h, compaction{}), before, "", 0)
}

func TestEventsEnd(t *testing.T) {
	s := open(t, Layout{PerLeaf: 2}.Make(small().buckets()...).Snapshot())
	n := 0
	for range s.Events(context.Background(), "", 0) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d events, want 3", n)
	}
	why := errors.New("no longer wanted")
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	var last error
	n = 0
	for e, err := range s.Events(ctx, "", 0) {
		cancel(why)
		if n++; e == nil {
			last = err
		}
	}
	if n != 2 || !errors.Is(last, why) {
		t.Errorf("%d results, the last %v, want an event and the context's cause", n, last)
	}
	last = nil
	for _, err := range s.Events(context.Background(), "", s.Revision()+1) {
		last = err
	}
	if !errors.Is(last, etcdsnap.ErrFuture) {
		t.Errorf("after the end: %v, want ErrFuture", last)
	}
}
