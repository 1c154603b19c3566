package storage

import (
	"fmt"
	"slices"
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
)

// Where metadata does not tell the class that a selection asks for, the object does.
func TestSideSelectsByTheWholeObject(t *testing.T) {
	account := func(namespace, more string) string {
		return fmt.Sprintf(`{"apiVersion":"v1","kind":"ServiceAccount",
			"metadata":{"name":"default","namespace":%q}%s}`, namespace, more)
	}
	v := append(mixed(t),
		stored(t, "/registry/serviceaccounts/bare/default", account("bare", "")),
		stored(t, "/registry/serviceaccounts/shop/default", account("shop", `,"imagePullSecrets":[{"name":"s"}]`)),
		stored(t, "/registry/pods/shop/p", `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"shop"},
			"status":{"phase":"Failed"}}`),
		stored(t, "/registry/pods/shop/q", `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"q","namespace":"shop"},
			"status":{"phase":"Running"}}`))
	for _, of := range []func(*Decoder, View, Selection) *Side{(*Decoder).Versions, (*Decoder).Hashes} {
		for class, want := range map[manifests.Class][]string{
			manifests.Completed: {"jobs.batch/j -n shop", "pods/p -n shop"},
			manifests.Bootstrap: {"serviceaccounts/default -n bare"},
			manifests.User: {
				"deployments.apps/web -n shop", "novelties.newer.k8s.io/new -n shop", "pods/q -n shop", "secrets/s -n shop",
				"serviceaccounts/default -n shop", "widgets.example.com/w -n shop",
			},
		} {
			got := named(entries(t, of(newDecoder(t, Options{}), v, Selection{Classes: []manifests.Class{class}})))
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", class, got, want)
			}
		}
	}
}
