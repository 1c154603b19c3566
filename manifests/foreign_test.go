package manifests

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	apidiscovery "k8s.io/api/apidiscovery/v2"
)

// beside is a server whose resource bs is of another store than as. far answers for it. It is told which request for bs
// it is, from 1: the first one only looks.
func beside(bs int, far func(n int, r *http.Request) *http.Response) *fakeServer {
	f := &fakeServer{objects: map[string]int{"as": 5, "bs": bs}, revision: 1000}
	f.fault = func(resource string, n int, r *http.Request) *http.Response {
		if resource != "bs" {
			return nil
		}
		return far(n, r)
	}
	return f
}

// A store that keeps no past, or whose clock goes on from one page to the next, costs its own list at most: all else is of
// the dump's instant.
func TestStoreWithoutPast(t *testing.T) {
	at := func(revision, objects int, r *http.Request) *http.Response {
		return (&fakeServer{revision: revision}).page("bs", objects, r.URL.Query())
	}
	gone := func() *http.Response { return refusal(http.StatusGone, "Expired", "I know the present only") }
	for _, c := range []struct {
		name    string
		objects int
		far     func(n int, r *http.Request) *http.Response
		why     string // empty: it is listed
	}{
		{"every moment is gone", 50, func(_ int, r *http.Request) *http.Response {
			if r.URL.Query().Has("resourceVersion") {
				return gone()
			}
			return at(3, 50, r)
		}, ""},
		{"its clock has gone on since it was looked at", 5, func(n int, r *http.Request) *http.Response {
			return at(3+n, 5, r)
		}, ""},
		{"its clock goes on between pages", 50, func(n int, r *http.Request) *http.Response {
			return at(3+n, 50, r)
		}, "the answer is of"},
		{"the present is gone as well", 50, func(_ int, r *http.Request) *http.Response {
			if r.URL.Query().Get("limit") == "1" {
				return at(3, 50, r)
			}
			return gone()
		}, "I know the present only"},
		{"each token is gone", 50, func(_ int, r *http.Request) *http.Response {
			if r.URL.Query().Has("continue") {
				return gone()
			}
			return at(3, 50, r)
		}, "I know the present only"},
		{"each token of the present is gone", 50, func(n int, r *http.Request) *http.Response {
			if r.URL.Query().Has("continue") || r.URL.Query().Has("resourceVersion") {
				return gone()
			}
			return at(3+n, 50, r)
		}, "I know the present only"},
		{"its clock goes on and a page breaks", 5, func(n int, r *http.Request) *http.Response {
			if n == 2 {
				return cut(at(3+n, 5, r), 300)
			}
			return at(3+n, 5, r)
		}, "the answer is of"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := beside(c.objects, c.far)
				got, report, err := dumpOf(t, f, Options{PageSize: 10})
				if err != nil || len(got.begins) != 1 {
					t.Fatalf("%v, %d begins", err, len(got.begins))
				}
				if as := outcomeOf(t, report, "as"); as.State != Listed || as.Clock != "" || as.Objects != 5 {
					t.Errorf("outcome %s", as)
				}
				bs := outcomeOf(t, report, "bs")
				if c.why == "" {
					got.wantAll(t, f)
					if bs.State != Listed || bs.Clock == "" || !report.Complete() {
						t.Errorf("outcome %s", bs)
					}
				} else if bs.State != Failed || !strings.Contains(bs.Why, c.why) || report.Complete() {
					t.Errorf("outcome %s, want %q", bs, c.why)
				}
			})
		})
	}
}

// A server that gives a list without resource version may store its objects all the same, if it takes new ones.
func TestListWithoutResourceVersion(t *testing.T) {
	for _, c := range []struct {
		name, list string
		verbs      []string
		state      State
		objects    int
	}{
		{"one page", `{"metadata":{},"items":[%s,%s]}`, []string{"list", "create"}, Listed, 2},
		{"a clock that is no number", `{"metadata":{"resourceVersion":"now"},"items":[%s,%s]}`, []string{"list", "create"}, Listed, 2},
		{"several pages", `{"metadata":{"continue":"more"},"items":[%s,%s]}`, []string{"list", "create"}, Failed, 2},
		{"not to be created", `{"metadata":{},"items":[%s,%s]}`, []string{"list"}, NotStored, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := beside(2, func(_ int, r *http.Request) *http.Response {
				if r.URL.Query().Has("resourceVersion") {
					return refusal(http.StatusBadRequest, "BadRequest", "what is a resource version?")
				}
				return respond(200, fmt.Sprintf(c.list, item("bs", 0), item("bs", 1)))
			})
			f.groups = []apidiscovery.APIGroupDiscovery{
				group("example.com", current("v1", discovered("as", "list", "create"), discovered("bs", c.verbs...))),
			}
			got, report, err := dumpOf(t, f, Options{})
			if err != nil || report.Complete() != (c.state != Failed) || len(got.keys) != 5+c.objects {
				t.Errorf("%v, missing %v, %d objects", err, report.Missing(), len(got.keys))
			}
			bs := outcomeOf(t, report, "bs")
			if bs.State != c.state || bs.Objects != c.objects || (bs.Clock != "") != (c.state == Listed) {
				t.Errorf("outcome %s, want it %s", bs, c.state)
			}
		})
	}
}
