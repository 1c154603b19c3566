package canonical

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/internal/e2e/corpus"
	"github.com/clustersnap/clustersnap/manifests"
)

// server gives the JSON of an API server as it comes.
type server struct {
	host      string
	client    *http.Client
	resources []manifests.Resource // that can be listed
}

// item is one object as a reader got it.
type item struct {
	namespace, name, resourceVersion string
	raw                              json.RawMessage
}

func newServer(t *testing.T, config *rest.Config) *server {
	t.Helper()
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return &server{config.Host, client, listable(t, config)}
}

// listable are the resources that client-go finds, which is not what the library goes by.
func listable(t *testing.T, config *rest.Config) []manifests.Resource {
	t.Helper()
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	lists, err := client.ServerPreferredResources()
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) {
		t.Fatal(err)
	}
	var found []manifests.Resource
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			t.Fatal(err)
		}
		all, err := client.ServerResourcesForGroupVersion(list.GroupVersion)
		if err != nil {
			t.Fatal(err)
		}
		status := make(map[string]bool)
		for _, r := range all.APIResources {
			if plural, ok := strings.CutSuffix(r.Name, "/status"); ok {
				status[plural] = true
			}
		}
		for _, r := range list.APIResources {
			if !strings.Contains(r.Name, "/") && slices.Contains(r.Verbs, "list") {
				found = append(found, manifests.Resource{
					Group: version.Group, Version: version.Version, Resource: r.Name,
					Kind: r.Kind, Namespaced: r.Namespaced, Status: status[r.Name],
				})
			}
		}
	}
	if len(found) < 60 {
		t.Fatalf("%d kinds can be listed, want 60", len(found))
	}
	return found
}

// path is that of a resource, and of what is below it.
func path(r manifests.Resource, namespace string, below ...string) string {
	parts := []string{"/api", r.Version}
	if r.Group != "" {
		parts = []string{"/apis", r.Group, r.Version}
	}
	if namespace != "" {
		parts = append(parts, "namespaces", namespace)
	}
	parts = append(parts, r.Resource)
	for _, b := range below {
		parts = append(parts, url.PathEscape(b))
	}
	return strings.Join(parts, "/")
}

// open wants the status 200 of a path. The caller closes the body.
func (s *server) open(ctx context.Context, path string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.host+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return nil, fmt.Errorf("get %s: %s: %s", path, response.Status, body)
	}
	return response.Body, nil
}

func (s *server) list(t *testing.T, r manifests.Resource) []item {
	t.Helper()
	body, err := s.open(t.Context(), path(r, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	var list struct{ Items []json.RawMessage }
	if err := json.NewDecoder(body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	items := make([]item, len(list.Items))
	for i, raw := range list.Items {
		items[i] = identify(t, raw)
	}
	return items
}

// get gives an object, or nil if it is gone.
func (s *server) get(t *testing.T, r manifests.Resource, namespace, name string) item {
	t.Helper()
	body, err := s.open(t.Context(), path(r, namespace, name))
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	raw, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return identify(t, raw)
}

// watch gives the objects that a watch begins with, count of them.
func (s *server) watch(t *testing.T, r manifests.Resource, count int) []item {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	body, err := s.open(ctx, path(r, "")+"?watch=true")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	events := json.NewDecoder(body)
	var items []item
	for len(items) < count {
		var event struct {
			Type   string
			Object json.RawMessage
		}
		if err := events.Decode(&event); err != nil {
			t.Fatalf("watch %s after %d of %d: %v", r.Resource, len(items), count, err)
		}
		if event.Type == "ERROR" {
			t.Fatal(errors.New(string(event.Object)))
		}
		items = append(items, identify(t, event.Object))
	}
	return items
}

func identify(t *testing.T, raw json.RawMessage) item {
	t.Helper()
	var o struct {
		Metadata struct{ Namespace, Name, ResourceVersion string }
	}
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatal(err)
	}
	return item{o.Metadata.Namespace, o.Metadata.Name, o.Metadata.ResourceVersion, raw}
}

// resource is what discovery says of that of an object.
func (s *server) resource(t *testing.T, o corpus.Object) manifests.Resource {
	t.Helper()
	for _, r := range s.resources {
		if r.Group == o.Resource.Group && r.Resource == o.Resource.Resource {
			return r
		}
	}
	t.Fatalf("%s can't be listed", o.Resource.GroupResource())
	return manifests.Resource{}
}

// await waits until objects of a resource have been written so many times.
func (s *server) await(t *testing.T, r manifests.Resource, writes int) {
	t.Helper()
	present := len(s.list(t, r))
	s.watch(t, r, present+writes)
}
