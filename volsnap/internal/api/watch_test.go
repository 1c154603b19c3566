package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// script is an API server that answers each request as the next step says, and then to no more. It makes the faults that a
// real one won't make when a test wants them; see the packages of internal/e2e for the real one.
type script struct {
	t     *testing.T
	mu    sync.Mutex
	steps []step
	asked []string // what was asked for: "list" or "watch", with the parts of the query that matter
	held  func()   // called when a step holds the connection
}

// step is one answer.
type step struct {
	status int    // 0 is 200
	body   string // all of it
	cut    bool   // the connection breaks instead
	hold   bool   // nothing more comes, until the client goes
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	asked := "list"
	switch {
	case q.Get("watch") != "":
		asked = "watch"
		if q.Get("allowWatchBookmarks") != "true" {
			asked += " without bookmarks"
		}
	case q.Get("limit") != "500":
		asked = "list whole"
	}
	for _, part := range []string{"resourceVersion", "continue", "labelSelector", "fieldSelector"} {
		if v := q.Get(part); v != "" {
			asked += " " + part + "=" + v
		}
	}
	s.mu.Lock()
	s.asked = append(s.asked, asked)
	if len(s.steps) == 0 {
		s.mu.Unlock()
		s.t.Errorf("one more request: %s", asked)
		http.Error(w, "no more steps", http.StatusForbidden)
		return
	}
	next := s.steps[0]
	s.steps = s.steps[1:]
	s.mu.Unlock()
	if next.cut {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	if next.status != 0 {
		w.WriteHeader(next.status)
	}
	fmt.Fprint(w, next.body)
	if next.hold {
		w.(http.Flusher).Flush()
		if s.held != nil {
			s.held()
		}
		<-r.Context().Done()
	}
}

// cluster starts the server.
func (s *script) cluster() dynamic.Interface {
	s.t.Helper()
	server := httptest.NewServer(s)
	s.t.Cleanup(server.Close)
	client, err := dynamic.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		s.t.Fatal(err)
	}
	return client
}

// claim is a claim as JSON, with a uid that is its name.
func claim(name, version string) string {
	return fmt.Sprintf(`{"apiVersion": "v1", "kind": "PersistentVolumeClaim",
		"metadata": {"namespace": "shop", "name": %q, "uid": %q, "resourceVersion": %q}}`, name, name, version)
}

func listed(version, more string, items ...string) step {
	return step{body: fmt.Sprintf(`{"apiVersion": "v1", "kind": "PersistentVolumeClaimList",
		"metadata": {"resourceVersion": %q, "continue": %q}, "items": [%s]}`, version, more, strings.Join(items, ","))}
}

func event(kind, object string) string {
	return fmt.Sprintf(`{"type": %q, "object": %s}`, kind, object)
}

func status(code int, reason string) string {
	return fmt.Sprintf(`{"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": %d, "reason": %q, "message": "no"}`,
		code, reason)
}

func events(all ...string) step { return step{body: strings.Join(all, "\n")} }

// run watches until end is told, or for as long as there are steps, and gives what was told.
func (s *script) run(ctx context.Context, end string) ([]string, error) {
	var told []string
	tell := func(c *corev1.PersistentVolumeClaim, deleted bool) (bool, error) {
		line := c.Name + " " + c.ResourceVersion
		if deleted {
			line += " gone"
		}
		told = append(told, line)
		return line == end, nil
	}
	err := Watch(ctx, s.cluster(), Claims, "shop", "a=b", "metadata.name!=x", tell)
	return told, err
}

const selectors = " labelSelector=a=b fieldSelector=metadata.name!=x"

func TestWatch(t *testing.T) {
	for name, test := range map[string]struct {
		steps       []step
		asked, told []string
	}{
		"a list in pages, then changes": {
			[]step{
				listed("7", "more", claim("a", "3")), listed("7", "", claim("b", "5")),
				events(event("ADDED", claim("c", "8")), event("MODIFIED", claim("a", "9")), event("DELETED", claim("b", "10")),
					event("ADDED", claim("end", "11"))),
			},
			[]string{"list", "list continue=more", "watch resourceVersion=7"},
			[]string{"a 3", "b 5", "c 8", "a 9", "b 10 gone", "end 11"},
		},
		"streams that end are gone on with": {
			[]step{
				listed("7", ""), events(event("ADDED", claim("a", "8"))), events(event("BOOKMARK", claim("", "20"))), {cut: true},
				{status: 503, body: status(503, "ServiceUnavailable")}, events(event("ADDED", claim("end", "21"))),
			},
			[]string{
				"list", "watch resourceVersion=7", "watch resourceVersion=8", "watch resourceVersion=20", "watch resourceVersion=20",
				"watch resourceVersion=20",
			},
			[]string{"a 8", "end 21"},
		},
		"what the server forgot is listed again": {
			[]step{
				listed("7", "", claim("a", "3"), claim("b", "5")), events(event("ERROR", status(410, "Expired"))),
				listed("30", "", claim("a", "25"), claim("c", "26")), {status: 410, body: status(410, "Gone")},
				listed("40", "", claim("end", "35")),
			},
			[]string{"list", "watch resourceVersion=7", "list", "watch resourceVersion=30", "list"},
			[]string{"a 3", "b 5", "a 25", "c 26", "b 5 gone", "end 35"},
		},
		"what went and came again is told as it is": {
			[]step{
				listed("7", "", claim("a", "3")), events(event("DELETED", claim("a", "8")), event("ERROR", status(410, "Expired"))),
				listed("30", "", claim("b", "9")), events(event("ERROR", status(410, "Expired"))),
				listed("40", "", claim("a", "35")), events(event("ERROR", status(410, "Expired"))),
				listed("50", "", claim("a", "35")), events(event("ADDED", claim("end", "51"))),
			},
			[]string{
				"list", "watch resourceVersion=7", "list", "watch resourceVersion=30", "list", "watch resourceVersion=40", "list",
				"watch resourceVersion=50",
			},
			[]string{"a 3", "a 8 gone", "b 9", "a 35", "b 9 gone", "a 35", "end 51"},
		},
		"a list that took too long is asked for whole": {
			[]step{
				listed("7", "1", claim("a", "3")), listed("7", "2", claim("b", "5")), {status: 410, body: status(410, "Expired")},
				listed("50", "", claim("a", "3"), claim("b", "40"), claim("c", "6"), claim("end", "6")),
			},
			[]string{"list", "list continue=1", "list continue=2", "list whole"},
			[]string{"a 3", "b 5", "c 6", "end 6"},
		},
		"a server that goes while it is listed again": {
			[]step{
				listed("7", ""), events(event("ERROR", status(410, "Expired"))), {cut: true}, {status: 500, body: "{}"},
				listed("9", "", claim("end", "8")),
			},
			[]string{"list", "watch resourceVersion=7", "list", "list", "list"},
			[]string{"end 8"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{t: t, steps: test.steps}
			told, err := s.run(t.Context(), test.told[len(test.told)-1])
			if err != nil {
				t.Error(err)
			}
			if !slices.Equal(told, test.told) {
				t.Errorf("told was %q, want %q", told, test.told)
			}
			for i := range test.asked {
				test.asked[i] += selectors
			}
			if !slices.Equal(s.asked, test.asked) {
				t.Errorf("asked was\n%q, want\n%q", s.asked, test.asked)
			}
		})
	}
}

func TestWatchThatIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		steps []step
		is    func(error) bool
	}{
		"a right to list is missing": {[]step{{status: 403, body: status(403, "Forbidden")}}, apierrors.IsForbidden},
		"a right to watch is missing": {
			[]step{listed("7", ""), {status: 403, body: status(403, "Forbidden")}}, apierrors.IsForbidden,
		},
		"a right is lost": {
			[]step{listed("7", ""), events(), {status: 401, body: status(401, "Unauthorized")}}, apierrors.IsUnauthorized,
		},
		"nothing of the kind":     {[]step{{status: 404, body: status(404, "NotFound")}}, apierrors.IsNotFound},
		"a server that is not up": {[]step{{status: 503, body: status(503, "ServiceUnavailable")}}, apierrors.IsServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{t: t, steps: test.steps}
			if _, err := s.run(t.Context(), ""); !test.is(err) || !strings.Contains(err.Error(), "persistentvolumeclaims") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	s := &script{t: t, steps: []step{
		listed("7", ""), {status: 500, body: status(500, "InternalError")}, {body: event("ADDED", claim("a", "8")), hold: true},
	}}
	enough := errors.New("enough")
	err := Watch(ctx, s.cluster(), Claims, "shop", "", "", func(*corev1.PersistentVolumeClaim, bool) (bool, error) {
		cancel(enough)
		return false, nil
	})
	// What had failed before is over.
	if want := "watch persistentvolumeclaims: enough"; err == nil || err.Error() != want || !errors.Is(err, enough) {
		t.Errorf("the error is %q, want %q", err, want)
	}
}

func TestWatchThatEndsSaysWhatItFailedWith(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	s := &script{t: t, held: func() { cancel(errors.New("enough")) }, steps: []step{
		listed("7", "", claim("a", "3")), {status: 500, body: status(500, "InternalError")}, {hold: true},
	}}
	_, err := s.run(ctx, "")
	if want := "watch persistentvolumeclaims: enough, after: no"; err == nil || err.Error() != want {
		t.Errorf("the error is %q, want %q", err, want)
	}
}

func TestWatchEndsWithWhoeverIsTold(t *testing.T) {
	for name, steps := range map[string][]step{
		"in a list":   {listed("7", "", claim("a", "3"), claim("b", "4"))},
		"in a change": {listed("7", ""), events(event("ADDED", claim("a", "8")), event("ADDED", claim("b", "9")))},
	} {
		t.Run(name, func(t *testing.T) {
			full := errors.New("full")
			calls := 0
			s := &script{t: t, steps: steps}
			err := Watch(t.Context(), s.cluster(), Claims, "shop", "", "", func(*corev1.PersistentVolumeClaim, bool) (bool, error) {
				calls++
				return false, full
			})
			if !errors.Is(err, full) || calls != 1 {
				t.Errorf("the error of call %d is %v", calls, err)
			}
		})
	}
}

// What can't be read ends a watch; to try again would not help.
func TestWatchOfWhatCantBeRead(t *testing.T) {
	bad := strings.Replace(claim("a", "3"), `"metadata": {`, `"spec": 7, "metadata": {`, 1)
	for name, steps := range map[string][]step{
		"in a list":   {listed("7", "", bad)},
		"in a change": {listed("7", ""), events(event("ADDED", bad))},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{t: t, steps: steps}
			if told, err := s.run(t.Context(), ""); err == nil || len(told) > 0 {
				t.Errorf("told was %q, the error is %v", told, err)
			}
		})
	}
}

func TestListEndsWithItsReader(t *testing.T) {
	s := &script{t: t, steps: []step{listed("7", "more", claim("a", "3"), claim("b", "4"))}}
	for c, err := range List[corev1.PersistentVolumeClaim](t.Context(), s.cluster(), Claims, "shop", "") {
		if err != nil || c.Name != "a" {
			t.Errorf("the first one is %v, %v", c, err)
		}
		break
	}
}
