package treemap

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/datamaker"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
	"github.com/clustersnap/clustersnap/internal/e2e/highwater"
	"github.com/clustersnap/clustersnap/internal/e2e/ondisk"
	"github.com/clustersnap/clustersnap/internal/e2e/sidebyside"
)

// small writes keys with little in them, as Leases and Events are.
func small(ctx context.Context, t testing.TB, client *clientv3.Client, n int) {
	t.Helper()
	value := strings.Repeat("x", 1000)
	for i := 0; i < n; {
		var ops []clientv3.Op
		for ; i < n && len(ops) < 128; i++ {
			ops = append(ops, clientv3.OpPut(fmt.Sprintf("/registry/events/team-%03d/object-%d.%016x", i%200, i/7, i), value))
		}
		_, err := client.Txn(ctx).Then(ops...).Commit()
		must(t, err)
	}
}

// What counting takes grows by some bytes for each key, and not with the objects.
func TestMemory(t *testing.T) {
	const keys, limit = 80_000, 100 << 10 // KiB, as Linux counts
	c, ctx := etcdbed.Start(t, etcdbed.Options{}), stuck(t)
	client := c.Client(t)
	small(ctx, t, client, keys)
	_, err := client.Put(ctx, "/registry/configmaps/shop/large", strings.Repeat("x", 1<<20))
	must(t, err)
	path, program := ondisk.Snapshot(t, client), command.Build(t, ".", "./countsnap")
	peak := highwater.Of(t, exec.Command(program, path))
	t.Logf("%d keys: %d MiB resident at most", keys, peak>>10)
	if peak > limit {
		t.Errorf("it takes %d KiB, limit %d", peak, limit)
	}
}

// benchSize is that of the database.
const benchSize = 1536 << 20

// BenchmarkCount counts what fills a large snapshot, beside the walk of its tree that counts by the first part of keys alone.
func BenchmarkCount(b *testing.B) {
	c := etcdbed.Start(b, etcdbed.Options{Args: []string{"--quota-backend-bytes=8589934592"}})
	client := c.Client(b)
	_, err := datamaker.FillEtcd(b.Context(), client, datamaker.Spec{Size: benchSize})
	must(b, err)
	path := ondisk.Snapshot(b, client)
	programs := map[string]string{}
	for _, name := range []string{"verifysnap", "treemap/countsnap"} {
		programs[name] = command.Build(b, "..", "./"+name)
	}
	sidebyside.Compare(b,
		sidebyside.Command("etcdsnap's walk", func() *exec.Cmd { return exec.Command(programs["verifysnap"], path, "tree") }),
		sidebyside.Command("usage", func() *exec.Cmd { return exec.Command(programs["treemap/countsnap"], path) }),
		func() (int64, error) {
			info, err := os.Stat(path)
			if err != nil {
				return 0, err
			}
			return info.Size(), nil
		})
}
