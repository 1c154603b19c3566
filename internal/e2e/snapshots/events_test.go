package snapshots

import (
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
)

// The events of a snapshot are those that a watch of the same etcd gives, from whatever revision it can still begin at.
func TestEventsAreThoseOfAWatch(t *testing.T) {
	for version, etcd := range etcdbed.Versions() {
		t.Run("etcd "+version, func(t *testing.T) {
			c, path, _ := churned(t, etcd)
			client, s := c.Client(t), open(t, path)
			first, last := s.CompactRevision(), s.Revision()
			for _, after := range []int64{first, (first + last) / 2, last} {
				for _, prefix := range []string{"", "/registry/pods/"} {
					want := watched(t, client, prefix, after, last)
					i, removed := 0, 0
					for e, err := range s.Events(t.Context(), prefix, after) {
						if err != nil {
							t.Fatal(err)
						}
						if i >= len(want) || e.String() != want[i].String() {
							t.Fatalf("after %d, prefix %q: event %d is %v, and not the watch's", after, prefix, i, e.Kv.ModRevision)
						}
						if i++; e.Type.String() == "DELETE" {
							removed++
						}
					}
					if i != len(want) || after == first && prefix == "" && (i < 100 || removed == 0) {
						t.Errorf("after %d, prefix %q: %d events, %d of them of deletions, the watch has %d", after, prefix, i, removed, len(want))
					}
				}
			}
		})
	}
}

// watched gives the events of a watch up to a revision.
func watched(t *testing.T, client *clientv3.Client, prefix string, after, last int64) (all []*mvccpb.Event) {
	t.Helper()
	// Whatever the prefix is, there is an event at the last revision of what is watched: the next write.
	put, err := client.Put(t.Context(), prefix+"end", "")
	if err != nil {
		t.Fatal(err)
	}
	for r := range client.Watch(t.Context(), prefix, clientv3.WithPrefix(), clientv3.WithRev(after+1)) {
		if err := r.Err(); err != nil {
			t.Fatal(err)
		}
		for _, e := range r.Events {
			if e.Kv.ModRevision == put.Header.Revision {
				return all
			}
			if e.Kv.ModRevision <= last {
				all = append(all, (*mvccpb.Event)(e))
			}
		}
	}
	t.Fatal("the watch ended")
	return nil
}
