package manifests_test

import (
	"fmt"
	"log"

	"github.com/clustersnap/clustersnap/manifests"
)

// An object as it would be written to a file: what the server has added is gone, and said.
func ExampleCanonical() {
	object := []byte(`{"kind":"Deployment","apiVersion":"apps/v1",
"metadata":{"uid":"0b8c1c1e-53f5-4b32-8b3e-4a3f0f0a7d11","resourceVersion":"4711","generation":2,"name":"web","namespace":"shop"},
"spec":{"replicas":3,"paused":false},"status":{"readyReplicas":3}}`)
	deployments := manifests.Resource{
		Group: "apps", Version: "v1", Resource: "deployments", Kind: "Deployment", Namespaced: true, Status: true,
	}

	canonical, err := manifests.Canonical(object, deployments, manifests.Portable)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(canonical.YAML))
	fmt.Println("without", canonical.Removed)
	// Output:
	// apiVersion: apps/v1
	// kind: Deployment
	// metadata:
	//   name: web
	//   namespace: shop
	// spec:
	//   paused: false
	//   replicas: 3
	// without [status metadata.generation metadata.resourceVersion metadata.uid]
}
