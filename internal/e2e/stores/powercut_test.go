package stores

import (
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
)

// A set on a disk that a backup has told as good is there after a power cut.
func TestPowerCut(t *testing.T) {
	f := onDisk(t, faults.Btrfs(t, "128m"))
	recipient, key := command.KeyPair(t)
	node := startNode(t, small)
	command.Good(t, command.Run(t, "", backup(node, f.at, recipient)...))
	faults.PowerCut(t, f.root)
	found := sets(t, f.at)
	if len(found) != 1 {
		t.Fatalf("there are %v, and %v", found, f.files())
	}
	command.Good(t, command.Run(t, "", "verify", in(f.at, found[0]), "--identity", key))
	held(t, f)
}
