package manifests

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	apidiscovery "k8s.io/api/apidiscovery/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func group(name string, versions ...apidiscovery.APIVersionDiscovery) apidiscovery.APIGroupDiscovery {
	return apidiscovery.APIGroupDiscovery{ObjectMeta: metav1.ObjectMeta{Name: name}, Versions: versions}
}

func current(version string, resources ...apidiscovery.APIResourceDiscovery) apidiscovery.APIVersionDiscovery {
	return apidiscovery.APIVersionDiscovery{Version: version, Resources: resources, Freshness: apidiscovery.DiscoveryFreshnessCurrent}
}

func stale(version string, resources ...apidiscovery.APIResourceDiscovery) apidiscovery.APIVersionDiscovery {
	return apidiscovery.APIVersionDiscovery{Version: version, Resources: resources, Freshness: apidiscovery.DiscoveryFreshnessStale}
}

// versionsOf gives what a catalogue has, as "plural version".
func versionsOf(c *catalogue) (kinds, unread []string) {
	for _, k := range c.kinds {
		kinds = append(kinds, k.Resource.String()+" "+k.Version)
	}
	for _, r := range c.unread {
		unread = append(unread, r.String()+" "+r.Version)
	}
	return kinds, unread
}

func TestVersionOfEachResource(t *testing.T) {
	named := func(name string, verbs ...string) apidiscovery.APIResourceDiscovery {
		return discovered(name, verbs...)
	}
	nameless := apidiscovery.APIResourceDiscovery{Resource: "parents", Verbs: []string{"list"}}
	for _, c := range []struct {
		name          string
		groups        []apidiscovery.APIGroupDiscovery
		kinds, unread []string
		stale         int
	}{
		{"the preferred one", []apidiscovery.APIGroupDiscovery{group("g", current("v2", named("as", "list")), current("v1", named("as", "list")))},
			[]string{"as.g v2"}, nil, 0},
		{"another one that has it", []apidiscovery.APIGroupDiscovery{group("g", current("v2", named("as", "list")), current("v1", named("bs", "list")))},
			[]string{"as.g v2", "bs.g v1"}, nil, 0},
		{"one that can be listed", []apidiscovery.APIGroupDiscovery{group("g", current("v2", named("as", "create")), current("v1", named("as", "list")))},
			[]string{"as.g v1"}, nil, 0},
		{"none that can be listed", []apidiscovery.APIGroupDiscovery{group("g", current("v2", named("as", "create")), current("v1", named("as")))},
			[]string{"as.g v2"}, nil, 0},
		{"without a kind", []apidiscovery.APIGroupDiscovery{group("g", current("v1", nameless))},
			[]string{"parents.g v1"}, nil, 0},
		{"one in each group", []apidiscovery.APIGroupDiscovery{group("h", current("v1", named("as", "list"))), group("g", current("v1", named("as", "list")))},
			[]string{"as.g v1", "as.h v1"}, nil, 0},
		{"the preferred one is stale", []apidiscovery.APIGroupDiscovery{group("g", stale("v2", named("as", "list")), current("v1", named("as", "list")))},
			[]string{"as.g v1"}, nil, 1},
		{"all are stale", []apidiscovery.APIGroupDiscovery{group("g", stale("v2", named("as", "list")), stale("v1", named("as", "list"), named("bs")))},
			nil, []string{"as.g v2", "bs.g v1"}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fakeServer{groups: c.groups}
			catalog, err := f.cluster().discover(t.Context(), alone(), nil)
			if err != nil {
				t.Fatal(err)
			}
			kinds, unread := versionsOf(catalog)
			if !slices.Equal(kinds, c.kinds) || !slices.Equal(unread, c.unread) || len(catalog.stale) != c.stale {
				t.Errorf("kinds %q, unread %q, stale %v, want %q, %q and %d", kinds, unread, catalog.stale, c.kinds, c.unread, c.stale)
			}
		})
	}
}

// A stale version makes a dump incomplete, also where another version has its resources.
func TestStaleVersionIsMissing(t *testing.T) {
	f := &fakeServer{objects: map[string]int{"as": 3}, revision: 7, groups: []apidiscovery.APIGroupDiscovery{
		group("example.com", stale("v2", discovered("as", "list", "create")), current("v1", discovered("as", "list", "create"))),
	}}
	c, report, err := dumpOf(t, f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	c.wantAll(t, f)
	if all := outcomeOf(t, report, "*"); report.Complete() || all.State != Failed || !strings.Contains(all.Why, "APIService v2.example.com") {
		t.Errorf("complete: %t, outcome %s", report.Complete(), all)
	}
	_, report, err = dumpOf(t, f, Options{Exclude: func(r Resource) bool { return r.Version == "v2" }})
	if err != nil || !report.Complete() || outcomeOf(t, report, "*").State != Excluded {
		t.Errorf("excluded: %v, missing %v", err, report.Missing())
	}
}

// Servers before 1.26, and others that are no kube-apiserver, know no aggregated discovery.
func TestDiscoveryVersionByVersion(t *testing.T) {
	f := &fakeServer{}
	f.fault = func(_ string, _ int, r *http.Request) *http.Response {
		switch r.URL.Path {
		case "/api":
			return respond(200, `{"kind":"APIVersions","versions":["v1"]}`)
		case "/api/v1":
			return respond(200, `{"kind":"APIResourceList","groupVersion":"v1","resources":[
				{"name":"pods","namespaced":true,"kind":"Pod","verbs":["create","list"]},
				{"name":"pods/status","namespaced":true,"kind":"Pod","verbs":["get"]},
				{"name":"bindings","namespaced":true,"kind":"Binding","verbs":["create"]}]}`)
		case "/apis":
			return respond(200, `{"kind":"APIGroupList","groups":[
				{"name":"g","versions":[{"version":"v1"},{"version":"v2"}],"preferredVersion":{"version":"v2"}},
				{"name":"dead","versions":[{"version":"v1"}]}]}`)
		case "/apis/g/v1", "/apis/g/v2":
			return respond(200, `{"kind":"APIResourceList","resources":[{"name":"as","kind":"A","verbs":["list"]}]}`)
		case "/apis/dead/v1":
			return respond(503, "service unavailable")
		}
		return nil
	}
	catalog, err := f.cluster().discover(t.Context(), alone(), nil)
	if err != nil {
		t.Fatal(err)
	}
	kinds, _ := versionsOf(catalog)
	if want := []string{"bindings v1", "pods v1", "as.g v2"}; !slices.Equal(kinds, want) {
		t.Errorf("the kinds are %q, want %q", kinds, want)
	}
	if want := []version{{"dead", "v1"}}; !slices.Equal(catalog.stale, want) {
		t.Errorf("stale is %v, want %v", catalog.stale, want)
	}
	pods := catalog.kinds[1]
	if want := (Resource{Version: "v1", Resource: "pods", Kind: "Pod", Namespaced: true, Status: true}); pods.Resource != want || !pods.can("create") {
		t.Errorf("pods are %+v, want %+v", pods, want)
	}
}

// What has not changed since the last look is not sent again.
func TestDiscoveryIsKept(t *testing.T) {
	f := &fakeServer{objects: map[string]int{"as": 0}}
	kept := 0
	f.fault = func(resource string, _ int, r *http.Request) *http.Response {
		if resource != "apis" {
			return nil
		}
		if r.Header.Get("If-None-Match") == `"1"` {
			kept++
			return respond(304, "")
		}
		answer := f.answer(resource, r)
		answer.Header.Set("Etag", `"1"`)
		return answer
	}
	first, err := f.cluster().discover(t.Context(), alone(), nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := f.cluster().discover(t.Context(), alone(), first)
	if err != nil {
		t.Fatal(err)
	}
	if kinds, _ := versionsOf(second); kept != 1 || !slices.Equal(kinds, []string{"as.example.com v1"}) {
		t.Errorf("kept %d times, the kinds are %q", kept, kinds)
	}
}

func TestDefinitionThatIsNotServed(t *testing.T) {
	for _, c := range []struct{ name, text, why string }{
		{"no version", `{"spec":{"versions":[{"name":"v1","served":false}]}}`, "has no version that is served"},
		{"name taken", `{"spec":{"versions":[{"name":"v1","served":true}]},"status":{"conditions":[
			{"type":"NamesAccepted","status":"False","reason":"PluralConflict","message":"it is taken"}]}}`,
			"is not NamesAccepted: PluralConflict: it is taken"},
		{"not established", `{"spec":{"versions":[{"name":"v1","served":true}]},"status":{"conditions":[
			{"type":"NamesAccepted","status":"True"},{"type":"Established","status":"False","reason":"Installing","message":"wait"}]}}`,
			"is not Established: Installing: wait"},
		{"being deleted", `{"metadata":{"deletionTimestamp":"2026-01-05T09:30:00Z"},"spec":{"versions":[{"name":"v1","served":true}]}}`,
			"is being deleted"},
		{"new", `{"spec":{"versions":[{"name":"v1","served":true}]},"status":{"conditions":[{"type":"Established","status":"True"}]}}`,
			"dump again"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var d definition
			if err := json.Unmarshal([]byte(c.text), &d); err != nil {
				t.Fatal(err)
			}
			if why := d.why(); !strings.Contains(why, c.why) {
				t.Errorf("it says %q, want %q", why, c.why)
			}
		})
	}
}

// Where two groups serve the same objects, the one that the objects have moved to is kept.
func TestHomeOfObjects(t *testing.T) {
	for _, groups := range [][]string{
		{"events.k8s.io", ""}, {"apps", "extensions"}, {"networking.k8s.io", "extensions"}, {"policy", "extensions"},
		{"rbac.authorization.k8s.io", "authorization.openshift.io"}, {"a.example.com", "b.example.com"},
	} {
		if byHome(groups[0], groups[1]) >= 0 || byHome(groups[1], groups[0]) <= 0 {
			t.Errorf("%q does not come before %q", groups[0], groups[1])
		}
	}
}
