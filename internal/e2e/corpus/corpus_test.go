package corpus

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
)

func TestMain(m *testing.M) { faults.Main(m) }

func TestLoad(t *testing.T) {
	config := bed.ControlPlane(t, bed.Options{}).RESTConfig(t)
	made, err := Load(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLoader(config)
	if err != nil {
		t.Fatal(err)
	}
	resources := make(map[string]int)
	for _, o := range made {
		resources[o.Resource.GroupResource().String()]++
		live, err := l.at(o).Get(t.Context(), o.Name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(o.Name, "going") != (live.GetDeletionTimestamp() != nil) {
			t.Errorf("%s %s has deletionTimestamp %v", o.Resource.Resource, o.Name, live.GetDeletionTimestamp())
		}
	}
	for _, o := range []struct {
		at        Object
		condition string
	}{
		{Object{schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}, "corpus", "finished"}, "Complete"},
		{Object{schema.GroupVersionResource{
			Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions",
		}, "", "secrecies.corpus.example.com"}, "NamesAccepted"},
	} {
		live, err := l.at(o.at).Get(t.Context(), o.at.Name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !has(live, o.condition, "True") {
			t.Errorf("%s is not %s: %v", o.at.Name, o.condition, live.Object["status"])
		}
	}
	if _, err := l.discovery.ServerResourcesForGroupVersion("dead.corpus.example.com/v1"); !apierrors.IsServiceUnavailable(err) {
		t.Errorf("behind the APIService there is %v, want nobody", err)
	}
	if len(resources) < 60 {
		t.Errorf("%d kinds, want 60: %v", len(resources), resources)
	}
	t.Logf("%d objects of %d kinds", len(made), len(resources))
}
