package dumps

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/internal/e2e/faults"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/manifests"
)

func TestMain(m *testing.M) { faults.Main(m) }

var must, stuck = trial.Must, trial.Context

// cluster is the one that a configuration leads to.
func cluster(t testing.TB, config *rest.Config) *manifests.Cluster {
	t.Helper()
	c, err := manifests.NewCluster(config)
	must(t, err)
	return c
}

func dynamicClient(t testing.TB, config *rest.Config) dynamic.Interface {
	t.Helper()
	client, err := dynamic.NewForConfig(config)
	must(t, err)
	return client
}

// receiver keeps what a dump hands on, and runs code of the test at its two moments.
type receiver struct {
	begin   func(at manifests.Instant) error
	object  func(o *manifests.Object) error
	begins  []manifests.Instant
	objects map[manifests.Key]manifests.Entry
	twice   []manifests.Key
}

func (r *receiver) Begin(at manifests.Instant) error {
	r.begins = append(r.begins, at)
	r.objects, r.twice = make(map[manifests.Key]manifests.Entry), nil
	if r.begin != nil {
		return r.begin(at)
	}
	return nil
}

func (r *receiver) Object(o *manifests.Object) error {
	if _, ok := r.objects[o.Key]; ok {
		r.twice = append(r.twice, o.Key)
	}
	r.objects[o.Key] = o.Entry
	if r.object != nil {
		return r.object(o)
	}
	return nil
}

// outcomes gives those of one resource, such as "deployments.apps".
func outcomes(report *manifests.Report, resource string) []manifests.Outcome {
	return slices.DeleteFunc(slices.Clone(report.Outcomes), func(o manifests.Outcome) bool {
		return o.Resource.String() != resource
	})
}

// wantOutcome holds that a resource has one outcome, with a word in its why.
func wantOutcome(t testing.TB, report *manifests.Report, resource string, state manifests.State, why string) {
	t.Helper()
	all := outcomes(report, resource)
	if len(all) != 1 || all[0].State != state || !strings.Contains(all[0].Why, why) {
		t.Errorf("outcomes of %s: %+v, want one that is %q and says %q", resource, all, state, why)
	}
}
