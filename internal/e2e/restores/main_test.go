package restores

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/etcdsnap/restore"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
)

func TestMain(m *testing.M) { command.Main(m) }

// age is how old the snapshots of these tests pretend to be.
const age = time.Minute

// digestSize is what follows the database in a snapshot.
const digestSize = 32

// leased is a key that has a lease.
const leased = "/registry/events/default/leased"

// fill gives a cluster some hundred keys, some overwritten, some deleted, and one with a lease.
func fill(t testing.TB, c *etcdbed.Cluster) {
	t.Helper()
	client, ctx := c.Client(t), t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 300 {
		key := fmt.Sprintf("/registry/configmaps/team-%d/object-%03d", i%7, i)
		for version := range 1 + i%3 {
			_, err := client.Put(ctx, key, strings.Repeat(fmt.Sprintf("value %d of %s;", version, key), 1+i%10))
			must(err)
		}
		if i%10 == 0 {
			_, err := client.Delete(ctx, key)
			must(err)
		}
	}
	lease, err := client.Grant(ctx, 3600)
	must(err)
	_, err = client.Put(ctx, leased, "x", clientv3.WithLease(lease.ID))
	must(err)
}

// snapshotOf saves a cluster to a new file.
func snapshotOf(t testing.TB, c *etcdbed.Cluster) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "etcd.snap")
	if _, err := etcdsnap.SaveFile(t.Context(), path, c.Client(t), etcdsnap.Options{}); err != nil {
		t.Fatal(err)
	}
	return path
}

// membersOf are those of a planned cluster, as a restore is given them.
func membersOf(c *etcdbed.Cluster) []restore.Member {
	var list []restore.Member
	for _, m := range c.Members {
		list = append(list, restore.Member{Name: m.Name, PeerURLs: []string{m.PeerURL}, DataDir: m.DataDir})
	}
	return list
}

// restored makes the data directories of all members of a planned cluster in one call.
func restored(t testing.TB, path string, c *etcdbed.Cluster, opts restore.Options) *restore.Result {
	t.Helper()
	result, err := restoreFile(t, path, membersOf(c), opts)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func restoreFile(t testing.TB, path string, members []restore.Member, opts restore.Options) (*restore.Result, error) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return restore.Restore(t.Context(), f, members, age, opts)
}
