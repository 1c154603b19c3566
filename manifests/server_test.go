package manifests

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	apidiscovery "k8s.io/api/apidiscovery/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// fakeServer makes the faults that a real API server won't make on demand: each answer may be replaced. It answers in memory,
// so that a test can have a clock of its own. What a real one does is tested in internal/e2e/dumps.
type fakeServer struct {
	// objects are how many there are of each resource, at any resource version, which is the revision for all.
	objects  map[string]int
	revision int
	// groups are what discovery shows. Nil is one group with all of objects.
	groups []apidiscovery.APIGroupDiscovery
	// fault, if not nil, may answer in the place of the server. It is told which request of the resource it is, from 1.
	fault func(resource string, n int, r *http.Request) *http.Response

	mu   sync.Mutex
	seen map[string]int // requests by resource
}

func (f *fakeServer) cluster() *Cluster {
	return clusterAt(&url.URL{Scheme: "https", Host: "api.example.com"}, &http.Client{Transport: f})
}

func (f *fakeServer) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	name := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	f.mu.Lock()
	if f.seen == nil {
		f.seen = make(map[string]int)
	}
	f.seen[name]++
	n := f.seen[name]
	f.mu.Unlock()
	if f.fault != nil {
		if answer := f.fault(name, n, r); answer != nil {
			return answer, nil
		}
	}
	return f.answer(name, r), nil
}

func (f *fakeServer) answer(name string, r *http.Request) *http.Response {
	switch r.URL.Path {
	case "/version":
		return respond(200, `{"gitVersion":"v1.99.0"}`)
	case "/api":
		return discoveryOf(nil)
	case "/apis":
		if f.groups != nil {
			return discoveryOf(f.groups)
		}
		group := apidiscovery.APIGroupDiscovery{ObjectMeta: metav1.ObjectMeta{Name: "example.com"}}
		v := apidiscovery.APIVersionDiscovery{Version: "v1"}
		for resource := range f.objects {
			v.Resources = append(v.Resources, discovered(resource, "list", "create"))
		}
		group.Versions = append(group.Versions, v)
		return discoveryOf([]apidiscovery.APIGroupDiscovery{group})
	}
	count, ok := f.objects[name]
	if !ok {
		return refusal(404, "NotFound", "no such resource")
	}
	return f.page(name, count, r.URL.Query())
}

// page answers as kube-apiserver does. A continue token is the number of objects before the page.
func (f *fakeServer) page(name string, count int, query url.Values) *http.Response {
	if at := query.Get("resourceVersion"); at != "" && query.Get("resourceVersionMatch") != "Exact" {
		return refusal(400, "BadRequest", "a dump asks for exact versions only")
	}
	from, _ := strconv.Atoi(query.Get("continue"))
	if from > 0 && query.Has("resourceVersion") {
		return refusal(400, "BadRequest", "a continue token and a resource version")
	}
	limit, _ := strconv.Atoi(query.Get("limit"))
	to := min(count, from+limit)
	more := ""
	if to < count {
		more = strconv.Itoa(to)
	}
	var items []string
	for i := from; i < to; i++ {
		items = append(items, item(name, i))
	}
	return respond(200, fmt.Sprintf(`{"metadata":{"resourceVersion":"%d","continue":%q,"remainingItemCount":%d},"items":[%s]}`,
		f.revision, more, count-to, strings.Join(items, ",")))
}

func item(resource string, i int) string {
	return fmt.Sprintf(`{"metadata":{"name":"object-%04d","uid":"%s-%d","resourceVersion":"%d"},"data":%q}`,
		i, resource, i, i+1, strings.Repeat("x", i%50))
}

func discovered(resource string, verbs ...string) apidiscovery.APIResourceDiscovery {
	return apidiscovery.APIResourceDiscovery{
		Resource: resource, ResponseKind: &metav1.GroupVersionKind{Kind: "Kind"}, Scope: apidiscovery.ScopeCluster, Verbs: verbs,
	}
}

func discoveryOf(groups []apidiscovery.APIGroupDiscovery) *http.Response {
	body, _ := json.Marshal(apidiscovery.APIGroupDiscoveryList{Items: groups})
	r := respond(200, string(body))
	r.Header.Set("Content-Type", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
	return r
}

func respond(code int, body string) *http.Response {
	return &http.Response{
		StatusCode: code, Status: fmt.Sprintf("%d %s", code, http.StatusText(code)),
		Header: http.Header{"Content-Type": {jsonType}}, Body: io.NopCloser(strings.NewReader(body)),
	}
}

func refusal(code int, reason, message string) *http.Response {
	return respond(code, fmt.Sprintf(`{"kind":"Status","status":"Failure","reason":%q,"message":%q,"code":%d}`, reason, message, code))
}

// collected is what a dump handed on.
type collected struct {
	begins []Instant
	keys   []string
}

func (c *collected) Begin(at Instant) error {
	c.begins, c.keys = append(c.begins, at), nil
	return nil
}

func (c *collected) Object(o *Object) error {
	c.keys = append(c.keys, o.Key.String())
	return nil
}

// wantAll holds that each object of the server came once.
func (c *collected) wantAll(t *testing.T, f *fakeServer) {
	t.Helper()
	var want []string
	for resource, n := range f.objects {
		for i := range n {
			want = append(want, fmt.Sprintf("%s.example.com/object-%04d", resource, i))
		}
	}
	slices.Sort(want)
	slices.Sort(c.keys)
	if !slices.Equal(c.keys, want) {
		t.Errorf("%d objects came, %d of them once, want %d", len(c.keys), len(slices.Compact(slices.Clone(c.keys))), len(want))
	}
}
