package kubecluster

import (
	"os"
	"path/filepath"
	"testing"
)

// Replace makes a spare the one node of the cluster, in the place of one whose power is gone for good: from then on the
// endpoint's name leads to it, as somebody would have it in the DNS, and it is Nodes[0]. What makes a node of it is the test's.
func (c *Cluster) Replace(t testing.TB, spare *Node) {
	t.Helper()
	if c.count != 1 {
		t.Fatal("replace node: the cluster has more than one")
	}
	c.Nodes = []*Node{spare}
	for _, n := range append([]*Node{spare}, c.Spares...) {
		if err := os.WriteFile(filepath.Join(n.Root, "etc/hosts"), []byte(c.names()), 0o644); err != nil {
			t.Fatalf("replace node: %v", err)
		}
	}
}
