package snapshots

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
	"github.com/clustersnap/clustersnap/internal/e2e/highwater"
)

// What a save takes does not grow with the snapshot. It is measured in a process without the race detector.
func TestMemoryOfSave(t *testing.T) {
	const limit = 64 << 10 // KiB, as Linux counts
	c := etcdbed.Start(t, etcdbed.Options{})
	fillSmall(t, c.Client(t), 256<<20) // of 600,000 keys
	m := c.Members[0]
	program := command.Build(t, "..", "./savesnap")
	for name, more := range map[string][]string{"streamed": nil, "local": {m.DataDir}} {
		path := filepath.Join(t.TempDir(), "etcd.snap")
		peak := highwater.Of(t, exec.Command(program, append([]string{path, m.Endpoint, c.CA, c.Cert, c.Key}, more...)...))
		t.Logf("%s: %d MiB resident at most", name, peak>>10)
		if peak > limit {
			t.Errorf("%s takes %d KiB, limit %d", name, peak, limit)
		}
	}
}
