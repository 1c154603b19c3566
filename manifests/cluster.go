package manifests

import (
	"fmt"
	"net/http"

	"k8s.io/client-go/rest"
)

// Cluster is an API server.
type Cluster struct{ client *http.Client }

// NewCluster makes a cluster.
func NewCluster(config *rest.Config) (*Cluster, error) {
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("make client: %w", err)
	}
	return &Cluster{client: client}, nil
}
