package manifests

import (
	"net/http"
	"testing"

	apidiscovery "k8s.io/api/apidiscovery/v2"
)

// Where the last look at what there is fails, nobody knows whether all was dumped: the report must not say that it was.
func TestLastDiscoveryFails(t *testing.T) {
	f := &fakeServer{objects: map[string]int{"as": 3}, revision: 7}
	f.fault = func(resource string, n int, _ *http.Request) *http.Response {
		if resource == "apis" && n > 1 {
			return refusal(http.StatusInternalServerError, "InternalError", "not today")
		}
		return nil
	}
	_, report, err := dumpOf(t, f, Options{})
	if err == nil || report.Complete() || outcomeOf(t, report, "*").State != Failed {
		t.Errorf("the error is %v, the report %+v", err, report)
	}
	if as := outcomeOf(t, report, "as"); as.State != Listed {
		t.Errorf("outcome %s", as)
	}
}

// A custom resource that is defined after discovery and before its definition is read has one outcome: it is late.
func TestDefinedBetween(t *testing.T) {
	f := &fakeServer{objects: map[string]int{"as": 3, "bs": 1}, revision: 7}
	f.fault = func(resource string, n int, r *http.Request) *http.Response {
		both := []apidiscovery.APIResourceDiscovery{discovered("as", "list", "create"), discovered("bs", "list", "create")}
		switch resource {
		case "apis":
			return discoveryOf([]apidiscovery.APIGroupDiscovery{group("example.com", current("v1", both[:min(n, 2)]...))})
		case "customresourcedefinitions":
			return respond(200, `{"metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"bs.example.com"},"spec":{
				"group":"example.com","names":{"plural":"bs","kind":"Kind"},"versions":[{"name":"v1","served":true}]}}]}`)
		}
		return nil
	}
	_, report, err := dumpOf(t, f, Options{})
	if err != nil || len(report.Outcomes) != 2 || report.Complete() {
		t.Errorf("%v, outcomes %v, want one for each of two resources", err, report.Outcomes)
	}
	if bs := outcomeOf(t, report, "bs"); bs.State != Failed || bs.Why != "it appeared during the dump: dump again" {
		t.Errorf("outcome %s", bs)
	}
}
