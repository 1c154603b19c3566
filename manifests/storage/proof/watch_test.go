package proof

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

// newest is an object of the second list that the dump, of 16, does not have.
func newest(namespace, name string) stored {
	s := stored{Key: configMap(name, "", "20").Key, use: storage.Object, mod: 20, version: "20", uid: "uid-" + name}
	s.Namespace = namespace
	return s
}

// heard is a proof with the API server that answers all watches so.
func heard(t *testing.T, answer http.HandlerFunc) *api {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	a := second(t, outcomes(), outcomes())
	a.config = &rest.Config{Host: server.URL}
	return a
}

// event is a line of a watch.
func event(what, namespace, name string) string {
	return fmt.Sprintf(`{"type":%q,"object":{"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadata",`+
		`"metadata":{"namespace":%q,"name":%q,"resourceVersion":"20"}}}`+"\n", what, namespace, name)
}

// stuck ends a test that waits for what does not come.
func stuck(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// An object that no watch tells of may be one that the dump has missed.
func TestNoHistory(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"expired":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) },
		"no right":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"no events": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "application/json") },
	} {
		t.Run(name, func(t *testing.T) {
			a := heard(t, answer)
			must(t, a.newer(t.Context(), newest("shop", "a"), 16))
			must(t, a.watch(stuck(t)))
			p := a.end()
			want(t, p, "unchecked a: it was created after the dump at 16, or changed since and missed by it")
			if blind := strings.Join(a.blind, "\n"); !strings.Contains(blind, "Of 1 objects it is not known") {
				t.Errorf("it says that it can't see: %s", blind)
			}
		})
	}
}

// A watch of one namespace is opened for the objects in it, and ends when they are known, not those of the others.
func TestWatchOfNamespace(t *testing.T) {
	of := map[string]string{"shop": "a", "bank": "b"} // and nothing of a third one, which is not asked for
	asked := make(chan string, 9)
	a := heard(t, func(w http.ResponseWriter, r *http.Request) {
		namespace := strings.Split(r.URL.Path, "/")[4]
		asked <- namespace
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, event("ADDED", namespace, of[namespace]))
		http.NewResponseController(w).Flush()
		<-r.Context().Done() // it stays open, as the watches of an API server do
	})
	o := a.now.outcomes[gr{"", "configmaps"}][0]
	var all []manifests.Outcome
	for _, o.Namespace = range []string{"bank", "empty", "shop"} {
		all = append(all, o)
	}
	a.now.outcomes[gr{"", "configmaps"}] = all
	for namespace, name := range of {
		must(t, a.newer(t.Context(), newest(namespace, name), 16))
	}
	must(t, a.watch(stuck(t)))
	want(t, a.end(), "created a: at resource version 20", "created b: at resource version 20")
	if len(asked) != 2 || <-asked+<-asked != "bankshop" {
		t.Error("it asked for others")
	}
}

// What has changed since may have changed its class: then the dump may have had to have it.
func TestNewerOfAnotherClass(t *testing.T) {
	status := func(context.Context, stored) (bool, error) { return false, nil } // as of a Job that has completed by now
	whole := func(context.Context, stored) (bool, error) { return true, nil }
	for name, c := range map[string]struct {
		is       manifests.Class                             // by its metadata
		selected func(context.Context, stored) (bool, error) // nil: by metadata
		event    string
		want     string
	}{
		"not selected": {manifests.Generated, nil, "", "excluded configmaps: not among those that were selected"},
		"its status is another": {manifests.User, status, "MODIFIED",
			"unchecked a: it was there at 16, and has changed since: whether it was of a selected class"},
		"its status, deleted": {manifests.User, status, "DELETED", "unchecked a: it was there at 16"},
		"being deleted":       {manifests.Terminating, nil, "MODIFIED", "unchecked a: it was there at 16"},
		"new":                 {manifests.User, status, "ADDED", "created a: at resource version 20"},
		"nobody tells":        {manifests.User, status, "", "unchecked a: created after the dump at 16, or changed since"},
		"selected":            {manifests.User, whole, "MODIFIED", "unsaved a: it was to be selected"},
	} {
		t.Run(name, func(t *testing.T) {
			a := heard(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if c.event != "" {
					fmt.Fprint(w, event(c.event, "shop", "a"))
				}
			})
			a.report.Selection.Classes = []manifests.Class{manifests.User}
			if c.selected != nil {
				a.inSelection = c.selected
			}
			s := newest("shop", "a")
			s.class = c.is
			must(t, a.newer(t.Context(), s, 16))
			must(t, a.watch(stuck(t)))
			want(t, a.end(), c.want)
		})
	}
}
