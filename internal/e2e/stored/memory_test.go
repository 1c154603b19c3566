package stored

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/datamaker"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
	"github.com/clustersnap/clustersnap/internal/e2e/highwater"
)

// filled saves an etcd of so many bytes with pods, events, secrets and such, and gives the path of the snapshot.
func filled(t testing.TB, size int64) string {
	t.Helper()
	client := etcdbed.Start(t, etcdbed.Options{}).Client(t)
	_, err := datamaker.FillEtcd(t.Context(), client, datamaker.Spec{Size: size})
	must(t, err)
	path := filepath.Join(t.TempDir(), "snapshot.db")
	_, err = etcdsnap.SaveFile(t.Context(), path, client, etcdsnap.Options{})
	must(t, err)
	return path
}

// program builds the command that reads snapshots.
func program(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "readsnapshot")
	command.Build(t, "..", path, "./stored/readsnapshot")
	return path
}

// The memory of a dump is that of the keys and of a few objects. It is measured in a process of its own, which has no race
// detector.
func TestMemoryOfDump(t *testing.T) {
	t.Parallel()
	const limit, size = 150 << 10, 256 << 20 // KiB, bytes
	snapshot, read := filled(t, size), program(t)
	for what, more := range map[string][]string{"list": nil, "decode": nil, "tree": {t.TempDir()}} {
		peak := highwater.Of(t, exec.Command(read, append([]string{snapshot, what}, more...)...))
		t.Logf("%s of a snapshot of %d MiB: %d MiB resident at most", what, size>>20, peak>>10)
		if peak > limit {
			t.Errorf("%s takes %d KiB, limit %d", what, peak, limit)
		}
	}
}
