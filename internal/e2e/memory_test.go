package e2e

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/highwater"
)

// A set's memory must not grow with its members. It is measured in a process of its own, without
// the race detector, which multiplies memory; and by that process itself, since what
// wait4 says of a child counts the parent's pages from before its exec.
func TestMemoryOfLargeSet(t *testing.T) {
	const mib, limit = "2048", 64 << 10 // one member of 2 GiB; KiB, as Linux counts
	dir := t.TempDir()
	program, set := command.Build(t, ".", "./bigset"), filepath.Join(dir, "set")
	for _, verb := range []string{"write", "verify"} {
		peak := highwater.Of(t, exec.Command(program, verb, set, mib))
		t.Logf("%s a member of %s MiB: %d MiB resident at most", verb, mib, peak>>10)
		if peak > limit {
			t.Errorf("%s takes %d KiB, limit %d", verb, peak, limit)
		}
	}
}
