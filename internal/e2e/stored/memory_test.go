package stored

import (
	"os/exec"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/datamaker"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
	"github.com/clustersnap/clustersnap/internal/e2e/highwater"
	"github.com/clustersnap/clustersnap/internal/e2e/ondisk"
)

// filled saves an etcd of so many bytes with pods, events, secrets and such, and gives the path of the snapshot.
func filled(t testing.TB, size int64) string {
	t.Helper()
	client := etcdbed.Start(t, etcdbed.Options{}).Client(t)
	_, err := datamaker.FillEtcd(t.Context(), client, datamaker.Spec{Size: size})
	must(t, err)
	return ondisk.Snapshot(t, client)
}

// program builds a command of this package, such as the one that reads snapshots.
func program(t testing.TB, name string) string {
	t.Helper()
	return command.Build(t, "..", "./stored/"+name)
}

// The memory of a dump is that of the keys and of a few objects. It is measured in a process of its own, which has no race
// detector.
func TestMemoryOfDump(t *testing.T) {
	t.Parallel()
	const limit, size = 150 << 10, 256 << 20 // KiB, bytes
	snapshot, read := filled(t, size), program(t, "readsnapshot")
	for what, more := range map[string][]string{"list": nil, "decode": nil, "tree": {t.TempDir()}} {
		peak := highwater.Of(t, exec.Command(read, append([]string{snapshot, what}, more...)...))
		t.Logf("%s of a snapshot of %d MiB: %d MiB resident at most", what, size>>20, peak>>10)
		if peak > limit {
			t.Errorf("%s takes %d KiB, limit %d", what, peak, limit)
		}
	}
}

// Whoever may write to etcd can't make a reader take more than this: 16 MiB are read at once for each of nine, and one of
// them is decoded.
func TestMemoryOfHostileValues(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20 // KiB
	peak := highwater.Of(t, exec.Command(program(t, "hostilevalues")))
	t.Logf("%d MiB resident at most", peak>>10)
	if peak > limit {
		t.Errorf("they take %d KiB, limit %d", peak, limit)
	}
}
