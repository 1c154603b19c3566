package restore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/restore"
)

// A database is stopped while its volume is swapped, and gets as many replicas as it had.
func ExampleScale() {
	server := httptest.NewServer(&shop{replicas: 3})
	defer server.Close()
	cluster, err := volsnap.NewCluster(&rest.Config{Host: server.URL}) // clientcmd gives that of a kubeconfig
	if err != nil {
		fmt.Println(err)
		return
	}

	stop := restore.Scale(cluster, "shop", "statefulset/db") // what SwapOptions.Stop takes
	start, err := stop(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("nothing writes to the volume")
	if err := start(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// /apis/apps/v1/namespaces/shop/statefulsets/db has 0 replicas
	// nothing writes to the volume
	// /apis/apps/v1/namespaces/shop/statefulsets/db has 3 replicas
}

// shop is an API server with one workload.
type shop struct {
	replicas    int
	annotations map[string]any
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var patch struct {
		Metadata struct{ Annotations map[string]any }
		Spec     struct{ Replicas int }
	}
	if r.Method == http.MethodPatch && json.NewDecoder(r.Body).Decode(&patch) == nil {
		s.replicas, s.annotations = patch.Spec.Replicas, patch.Metadata.Annotations
		fmt.Println(r.URL.Path, "has", s.replicas, "replicas")
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"apiVersion": "apps/v1", "kind": "StatefulSet",
		"metadata": map[string]any{"name": "db", "namespace": "shop", "annotations": s.annotations},
		"spec":     map[string]any{"replicas": s.replicas},
	})
}
