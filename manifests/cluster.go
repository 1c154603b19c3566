package manifests

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"k8s.io/client-go/rest"
)

// Cluster is an API server, seen through one set of credentials. Its methods may be called at once.
type Cluster struct {
	base   *url.URL
	client *http.Client

	looking chan struct{} // has room for the one lookup that discovers

	mu    sync.Mutex
	known *catalogue // what was last discovered
}

func clusterAt(base *url.URL, client *http.Client) *Cluster {
	return &Cluster{base: base, client: client, looking: make(chan struct{}, 1)}
}

// NewCluster makes a cluster of what a kubeconfig or a service account gives. It does not connect.
//
// The limits of config on requests per second (QPS, Burst, RateLimiter) are not used: [Options.Rate] is. Its Timeout ends
// each request, however many bytes have come: zero is better, since a request that stands still is ended anyway. Answers
// are compressed on their way unless DisableCompression is set, as it should be where the network is faster than gzip.
func NewCluster(config *rest.Config) (*Cluster, error) {
	c, err := newCluster(config)
	if err != nil {
		return nil, fmt.Errorf("connect to cluster: %w", err)
	}
	return c, nil
}

func newCluster(config *rest.Config) (*Cluster, error) {
	if config == nil || config.Host == "" {
		// client-go would take localhost, which is seldom meant.
		return nil, errors.New("the configuration names no API server: look at clusters and current-context of the kubeconfig")
	}
	config = rest.CopyConfig(config)
	if config.UserAgent == "" {
		config.UserAgent = rest.DefaultKubernetesUserAgent()
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, fmt.Errorf("read server %q: %w", config.Host, err)
	}
	shared, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("read credentials for %s: %w", base, err)
	}
	client := *shared
	// An API server does not redirect what is asked here, and the credentials would go along.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return clusterAt(base, &client), nil
}

// url is where a path of the API is. Its segments are not escaped yet: names of RBAC objects may have blanks and "?".
func (c *Cluster) url(query url.Values, segments ...string) *url.URL {
	u := *c.base
	u.Path = strings.TrimSuffix(u.Path, "/") + "/" + strings.Join(segments, "/")
	u.RawPath, u.RawQuery = "", query.Encode()
	return &u
}

// segments are the path of the objects of a resource, in one namespace if it is given, and of one of them by its name.
func (r Resource) segments(namespace string, name ...string) []string {
	var s []string
	if r.Group == "" {
		s = append(s, "api", r.Version)
	} else {
		s = append(s, "apis", r.Group, r.Version)
	}
	if namespace != "" {
		s = append(s, "namespaces", namespace)
	}
	return append(append(s, r.Resource), name...)
}
