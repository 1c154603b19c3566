package storage_test

import (
	"fmt"
	"log"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests/storage"
)

const widget = `{"apiVersion":"example.com/v1","kind":"Widget",
"metadata":{"name":"blue","namespace":"shop","uid":"0b8c1c1e-53f5-4b32-8b3e-4a3f0f0a7d11","generation":2},
"spec":{"size":3},"status":{"ready":true}}`

const definition = `{"apiVersion":"apiextensions.k8s.io/v1beta1","kind":"CustomResourceDefinition",
"metadata":{"name":"widgets.example.com"},
"spec":{"group":"example.com","scope":"Namespaced","names":{"kind":"Widget","plural":"widgets"},
"version":"v1","versions":[{"name":"v1","served":true,"storage":true}],"subresources":{"status":{}}}}`

// What a key is for, and what its value is, whatever types this program knows.
func Example() {
	for _, key := range []string{
		"/registry/services/specs/shop/web", "/registry/example.com/widgets/shop/blue", "/registry/ranges/serviceips",
	} {
		switch place := storage.Locate([]byte(key), storage.DefaultPrefix); place.Use {
		case storage.Object:
			fmt.Println(place.Key)
		case storage.Internal:
			fmt.Println("the API server's own:", place.For)
		}
	}
	meta, err := storage.ReadMeta([]byte(widget))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(meta.APIVersion, meta.Kind, meta.Name, meta.Encoding)
	// Output:
	// services/web -n shop
	// widgets.example.com/blue -n shop
	// the API server's own: which cluster IPs are taken: the API server counts them anew from the Services
	// example.com/v1 Widget blue json
}

// A custom resource, after its definition: that says that the status is not the user's.
func ExampleDecoder() {
	decoder, err := storage.NewDecoder(storage.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer decoder.Close()
	key := storage.DefinitionPrefix(storage.DefaultPrefix) + "widgets.example.com"
	if err := decoder.Learn(&mvccpb.KeyValue{Key: []byte(key), Value: []byte(definition)}); err != nil {
		log.Fatal(err)
	}
	object, err := decoder.Object(&mvccpb.KeyValue{
		Key: []byte("/registry/example.com/widgets/shop/blue"), Value: []byte(widget), ModRevision: 4711,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(object.Key, "at", object.ResourceVersion)
	fmt.Print(string(object.YAML))
	// Output:
	// widgets.example.com/blue -n shop at 4711
	// apiVersion: example.com/v1
	// kind: Widget
	// metadata:
	//   name: blue
	//   namespace: shop
	// spec:
	//   size: 3
}
