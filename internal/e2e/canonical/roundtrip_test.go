package canonical

import (
	"bytes"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/corpus"
	"github.com/clustersnap/clustersnap/manifests"
)

// TestRoundTrip creates the portable form of each object in an empty cluster. What its API server and controllers have
// made of it has the same form again.
func TestRoundTrip(t *testing.T) {
	node, made := cluster(t)
	saved := forms(t, newServer(t, node.RESTConfig(t)), made)
	objects := make([]*unstructured.Unstructured, len(saved))
	for i, o := range saved {
		objects[i] = new(unstructured.Unstructured)
		json, err := yaml.YAMLToJSONStrict(o.YAML)
		if err != nil {
			t.Fatal(err)
		}
		if err := objects[i].UnmarshalJSON(json); err != nil {
			t.Fatal(err)
		}
	}
	empty := bed.ControlPlane(t, bed.Options{}).RESTConfig(t)
	created, err := corpus.Create(t.Context(), empty, objects)
	if err != nil {
		t.Fatal(err)
	}
	if err := corpus.Settle(t.Context(), empty, created); err != nil {
		t.Fatal(err)
	}
	for i, o := range forms(t, newServer(t, empty), created) {
		if o.Name == "static-corpus-node" {
			continue // only a kubelet makes pictures of static pods: made by others it is a pod like any
		}
		if !bytes.Equal(saved[i].YAML, o.YAML) {
			t.Errorf("%s (%s) comes back as another: %s", o.Key, saved[i].Class, difference(saved[i].YAML, o.YAML))
		}
	}
}

// forms reads objects in their portable form.
func forms(t *testing.T, s *server, objects []corpus.Object) []*manifests.Object {
	t.Helper()
	all := make([]*manifests.Object, len(objects))
	for i, o := range objects {
		r := s.resource(t, o)
		all[i] = canonical(t, s.get(t, r, o.Namespace, o.Name), r, manifests.Portable)
	}
	return all
}
