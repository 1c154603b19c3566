package datamaker

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
)

func TestFilledAPIServerHasAllObjects(t *testing.T) {
	config := bed.ControlPlane(t, bed.Options{}).RESTConfig(t)
	const n = 1000
	made, err := FillAPI(t.Context(), config, n)
	if err != nil {
		t.Fatal(err)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for resource, want := range made {
		list, err := client.Resource(resource).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, o := range list.Items {
			if strings.HasPrefix(o.GetName(), "app-") { // and not of a controller
				got++
			}
		}
		if got != want || want < n/20 {
			t.Errorf("%d %s, FillAPI says %d", got, resource.Resource, want)
		}
		total += got
	}
	if kinds := len(made); total != n || kinds != 6 {
		t.Errorf("%d objects of %d kinds, want %d of 6", total, kinds, n)
	}
}
