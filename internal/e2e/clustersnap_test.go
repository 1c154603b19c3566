package e2e

import (
	"context"
	"os"
	"testing"

	"github.com/clustersnap/clustersnap/examples/demonode"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
)

func TestMain(m *testing.M) { command.Main(m) }

// startNode starts a kubeadm-shaped node, which the test stops.
func startNode(t testing.TB) *demonode.Node {
	t.Helper()
	node, err := demonode.Start(context.Background(), t.TempDir(), 500)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	return node
}

// empty holds that nothing is left in dir, hidden files included.
func empty(t testing.TB, dir string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		t.Errorf("left behind in %s: %s", dir, e.Name())
	}
}
