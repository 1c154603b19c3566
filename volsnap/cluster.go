package volsnap

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// Cluster is an API server, seen through one set of credentials. Its methods may be called at once.
type Cluster struct {
	config  *rest.Config
	dynamic dynamic.Interface
	plain   rest.Interface // for what is no object: discovery, which client-go's own client makes 20 modules heavier
}

// NewCluster makes a cluster of what a kubeconfig or a service account gives. It does not connect.
//
// The limits of config on requests per second (QPS, Burst, RateLimiter) are not used: what is in flight is bounded by the
// options of each call, and the server has limits of its own (429), which are obeyed.
func NewCluster(config *rest.Config) (*Cluster, error) {
	if config == nil || config.Host == "" {
		// client-go would take localhost, which is seldom meant.
		return nil, errors.New("connect to cluster: the configuration names no API server: " +
			"look at clusters and current-context of the kubeconfig")
	}
	config = rest.CopyConfig(config)
	config.QPS, config.RateLimiter = -1, nil
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connect to cluster: %w", err)
	}
	raw := rest.CopyConfig(config)
	raw.ContentType, raw.AcceptContentTypes = runtime.ContentTypeJSON, "" // operators often have protobuf here
	raw.NegotiatedSerializer = serializer.NewCodecFactory(runtime.NewScheme())
	plain, err := rest.UnversionedRESTClientFor(raw)
	if err != nil {
		return nil, fmt.Errorf("connect to cluster: %w", err)
	}
	return &Cluster{config: config, dynamic: objects, plain: plain}, nil
}

// Dynamic is the client of the cluster's objects, for the rooms below this one.
func (c *Cluster) Dynamic() dynamic.Interface { return c.dynamic }

// Config is a copy of what the cluster was made of, without limits on requests per second.
func (c *Cluster) Config() *rest.Config { return rest.CopyConfig(c.config) }
