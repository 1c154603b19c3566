package restores

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/clustersnap/clustersnap/etcdsnap/restore"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// source is a snapshot, and what was live in its cluster.
type source struct {
	path string
	live map[string]string
}

// takeSource fills an etcd, saves and stops it.
func takeSource(t testing.TB, etcd peers.Program) source {
	t.Helper()
	c := etcdbed.Start(t, etcdbed.Options{Etcd: etcd})
	fill(t, c)
	s := source{snapshotOf(t, c), live(t, c.Client(t))}
	c.Members[0].Stop(t)
	if len(s.live) < 250 || !strings.Contains(s.live[leased], "lease") {
		t.Fatalf("the source has %d keys, and %q", len(s.live), s.live[leased])
	}
	return s
}

// live gives all keys with what etcd says of them.
func live(t testing.TB, client *clientv3.Client) map[string]string {
	t.Helper()
	all, err := keysIn(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func keysIn(ctx context.Context, client *clientv3.Client) (map[string]string, error) {
	got, err := client.Get(ctx, "\x00", clientv3.WithFromKey())
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, kv := range got.Kvs {
		all[string(kv.Key)] = fmt.Sprintf("%q of version %d, created at %d, modified at %d, lease %x", kv.Value, kv.Version, kv.CreateRevision, kv.ModRevision, kv.Lease)
	}
	return all, nil
}

func TestStockEtcdBoots(t *testing.T) {
	sources := map[string]source{}
	for from, etcd := range map[string]peers.Program{"3.4": peers.Etcd34, "3.5": peers.Etcd35, "3.6": peers.Etcd36, "3.7": peers.Etcd37} {
		sources[from] = takeSource(t, etcd)
	}
	for _, way := range []struct{ from, to, upgrade string }{
		{"3.4", "3.5", "3.4 to 3.5"},
		{"3.5", "3.5", ""},
		{"3.5", "3.6", "3.5 to 3.6"},
		{"3.6", "3.6", ""},
		{"3.6", "3.7", "3.6 to 3.7"},
		{"3.7", "3.7", ""},
	} {
		for _, members := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s with %d from %s", way.to, members, way.from), func(t *testing.T) {
				t.Parallel()
				// Or else nobody may join before the members have known each other for five seconds.
				c := etcdbed.Plan(t, etcdbed.Options{Etcd: etcdbed.Versions()[way.to], Members: members, Args: []string{"--strict-reconfig-check=false"}})
				result := restored(t, sources[way.from].path, c, restore.Options{Etcd: way.to + ".0"})
				if result.Upgrade != way.upgrade {
					t.Errorf("upgrade %q, want %q", result.Upgrade, way.upgrade)
				}
				if want := result.SnapshotRevision + 1e9 + 60*20_000; result.Revision != want {
					t.Errorf("revision %d of a snapshot that is %v old and ends at %d, want %d", result.Revision, age, result.SnapshotRevision, want)
				}
				c.Run(t)
				isWhatWasRestored(t, c, way.to, result, sources[way.from].live)
				joins(t, c, result)
			})
		}
	}
}

// isWhatWasRestored holds a cluster that has just booted against the snapshot and the result.
func isWhatWasRestored(t *testing.T, c *etcdbed.Cluster, version string, result *restore.Result, want map[string]string) {
	t.Helper()
	for _, m := range c.Members {
		client := c.Client(t, m.Endpoint)
		status, err := client.Status(t.Context(), m.Endpoint)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(status.Version, version+".") || status.Header.Revision < result.Revision {
			t.Errorf("%s has version %s and revision %d, want %s and %d", m.Name, status.Version, status.Header.Revision, version, result.Revision)
		}
		if id := fmt.Sprintf("%x", status.Header.ClusterId); id != result.ClusterID {
			t.Errorf("%s is of cluster %s, want %s", m.Name, id, result.ClusterID)
		}
		sameKeys(t, live(t, client), want)
		endsAsCompacted(t, client, result.SnapshotRevision)
	}
	hasMembers(t, c, result)
	sameHash(t, c.Members, result.Revision)
	if _, err := c.Client(t).Put(t.Context(), "/registry/configmaps/default/new", "x"); err != nil {
		t.Errorf("a write: %v", err)
	}
}

func sameKeys(t *testing.T, got, want map[string]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d keys, want %d", len(got), len(want))
	}
	for key := range want {
		if got[key] != want[key] {
			t.Fatalf("%s is %s\nwant %s", key, got[key], want[key])
		}
	}
}

// endsAsCompacted begins a watch where a client would that was connected to the old cluster.
func endsAsCompacted(t *testing.T, client *clientv3.Client, revision int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got := <-client.Watch(ctx, "\x00", clientv3.WithFromKey(), clientv3.WithRev(revision))
	if !errors.Is(got.Err(), rpctypes.ErrCompacted) {
		t.Errorf("a watch from revision %d gets %v, want ErrCompacted", revision, got.Err())
	}
}

// hasMembers holds etcd's list of members against the plan and the result.
func hasMembers(t *testing.T, c *etcdbed.Cluster, result *restore.Result) {
	t.Helper()
	list, err := c.Client(t).MemberList(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, m := range list.Members {
		got = append(got, fmt.Sprintf("%x %s %v", m.ID, m.Name, m.PeerURLs))
	}
	if len(result.Members) != len(c.Members) {
		t.Fatalf("the result has the members %+v", result.Members)
	}
	for i, m := range c.Members {
		made := result.Members[i]
		want = append(want, fmt.Sprintf("%s %s %v", made.ID, made.Name, []string{m.PeerURL}))
		if made.Name != m.Name || made.DataDir != m.DataDir || made.ID != fmt.Sprintf("%x", m.ID) {
			t.Errorf("made %+v, and %s is %x in %s", made, m.Name, m.ID, m.DataDir)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("members\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func sameHash(t *testing.T, members []*etcdbed.Member, revision int64) {
	t.Helper()
	want, _ := members[0].HashKV(t, revision)
	for _, m := range members[1:] {
		if got, _ := m.HashKV(t, revision); got != want {
			t.Errorf("HashKV at revision %d is %d at %s, and %d at %s", revision, got, m.Name, want, members[0].Name)
		}
	}
}

// A member that is added later gets all data, and not only what was written since (etcd-io/etcd#6361).
func joins(t *testing.T, c *etcdbed.Cluster, result *restore.Result) {
	t.Helper()
	m := c.AddLearner(t)
	client := c.Client(t)
	list, err := client.MemberList(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, listed := range list.Members {
		if slices.Contains(listed.PeerURLs, m.PeerURL) {
			promote(t, client, listed.ID)
		}
	}
	sameHash(t, append(c.Members[:len(c.Members):len(c.Members)], m), result.Revision)
	own := c.Client(t, m.Endpoint)
	sameKeys(t, live(t, own), live(t, client))
	endsAsCompacted(t, own, result.SnapshotRevision)
}

// promote makes a learner a full member, as soon as etcd finds that it has caught up.
func promote(t *testing.T, client *clientv3.Client, id uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := client.MemberPromote(ctx, id)
		if err == nil {
			return
		}
		if !errors.Is(err, rpctypes.ErrMemberLearnerNotReady) {
			t.Fatalf("promote %x: %v", id, err)
		}
		<-tick.C
	}
}
