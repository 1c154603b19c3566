package manifests

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	apidiscovery "k8s.io/api/apidiscovery/v2"
	"k8s.io/apimachinery/pkg/api/meta"
)

// A custom resource gains a status subresource. Whatever discovers that makes Get take status out as a dump does.
func TestWhatIsDiscoveredIsKnown(t *testing.T) {
	for name, look := range map[string]func(*Cluster) error{
		"dump": func(c *Cluster) error {
			_, err := c.Dump(t.Context(), new(collected), Options{})
			return err
		},
		"versions": func(c *Cluster) error {
			_, _, err := c.Versions(t.Context(), Options{})
			return err
		},
		"resources": func(c *Cluster) error {
			_, _, err := c.Resources(t.Context())
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			with := func(subresources ...apidiscovery.APISubresourceDiscovery) []apidiscovery.APIGroupDiscovery {
				as := discovered("as", "list", "create", "get")
				as.Subresources = subresources
				return []apidiscovery.APIGroupDiscovery{group("example.com", current("v1", as))}
			}
			f := &fakeServer{objects: map[string]int{"as": 1}, revision: 7, groups: with()}
			f.fault = func(resource string, _ int, r *http.Request) *http.Response {
				if resource == "one" {
					return respond(200, `{"metadata":{"name":"one"},"status":{"ready":true}}`)
				}
				return nil
			}
			c := f.cluster()
			for _, want := range []int{0, 1} {
				o, err := c.Get(t.Context(), Key{Group: "example.com", Resource: "as", Name: "one"}, Portable)
				if err != nil || len(o.Removed) != want {
					t.Fatalf("%v, taken out were %q, want %d", err, o.Removed, want)
				}
				f.groups = with(apidiscovery.APISubresourceDiscovery{Subresource: "status"})
				if err := look(c); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// Who waits for the discovery of another waits no longer than its context lets it, and does not discover once more.
func TestLookupsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeServer{objects: map[string]int{"as": 1}}
		slow := make(chan struct{})
		f.fault = func(resource string, n int, _ *http.Request) *http.Response {
			if resource == "apis" {
				<-slow
			}
			return nil
		}
		c := f.cluster()
		results := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := c.Lookup(t.Context(), "example.com/v1", "Kind")
				results <- err
			}()
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var hurried error
		returned := false
		go func() {
			_, hurried = c.Lookup(ctx, "example.com/v1", "Kind")
			returned = true
		}()
		<-ctx.Done() // by the bubble's clock
		synctest.Wait()
		if !returned || !errors.Is(hurried, context.DeadlineExceeded) {
			t.Errorf("returned: %t, with %v, though its context has ended", returned, hurried)
		}
		close(slow)
		for range 2 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		if f.seen["apis"] != 1 {
			t.Errorf("the server was asked for %d discoveries, want 1", f.seen["apis"])
		}
		var none *meta.NoKindMatchError
		if _, err := c.Lookup(t.Context(), "example.com/v1", "Other"); !errors.As(err, &none) || f.seen["apis"] != 2 {
			t.Errorf("for what is not there the error is %v, after %d discoveries, want 2", err, f.seen["apis"])
		}
	})
}
