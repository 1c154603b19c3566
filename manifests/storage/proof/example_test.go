package proof_test

import (
	"context"
	"fmt"
	"maps"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage/proof"
)

// A dump has one of two custom resources: nobody serves the kind of the other.
func ExampleComplete() {
	dumped := map[manifests.Entry]error{
		{
			Key:  manifests.Key{Group: "example.com", Resource: "widgets", Namespace: "shop", Name: "a"},
			Kind: "Widget", ResourceVersion: "7",
		}: nil,
	}
	report := &manifests.Report{
		Instant: manifests.Instant{ResourceVersion: "9"},
		Outcomes: []manifests.Outcome{{
			Resource: manifests.Resource{Group: "example.com", Version: "v1", Resource: "widgets", Kind: "Widget", Namespaced: true},
			State:    manifests.Listed, Objects: 1,
		}},
	}
	stored := func(yield func(*mvccpb.KeyValue, error) bool) {
		for key, value := range map[string]string{
			"/registry/example.com/widgets/shop/a": `{"apiVersion":"example.com/v1","kind":"Widget",` +
				`"metadata":{"namespace":"shop","name":"a","uid":"u1"}}`,
			"/registry/example.com/ghosts/b": `{"apiVersion":"example.com/v1","kind":"Ghost",` +
				`"metadata":{"name":"b","uid":"u2"}}`,
		} {
			if !yield(&mvccpb.KeyValue{Key: []byte(key), Value: []byte(value), CreateRevision: 7, ModRevision: 7}, nil) {
				return
			}
		}
	}
	p, err := proof.Complete(context.Background(),
		proof.Dump{Report: report, Entries: maps.All(dumped)},
		proof.Store{Revision: 9, Keys: stored}, proof.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p)
	for _, f := range p.Findings {
		fmt.Println(f)
	}
	// Output:
	// not complete (exact): 1 of 2 keys at revision 9 are in the dump, 1 unsaved
	// unsaved: Ghost ghosts.example.com/b (/registry/example.com/ghosts/b at 7, uid u2): no API server showed its kind
}
