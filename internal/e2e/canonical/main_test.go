package canonical

import (
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/corpus"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
)

func TestMain(m *testing.M) { faults.Main(m) }

// cluster is a control plane of its own that holds the corpus.
func cluster(t *testing.T) (*bed.Node, []corpus.Object) {
	t.Helper()
	node := bed.ControlPlane(t, bed.Options{})
	made, err := corpus.Load(t.Context(), node.RESTConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	return node, made
}
