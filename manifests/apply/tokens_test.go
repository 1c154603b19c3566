package apply

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/manifests"
)

// unreachable is a planner whose cluster does not answer.
func unreachable(t *testing.T) *planner {
	t.Helper()
	return plannerOf(t, "http://127.0.0.1:1")
}

// empty is a planner whose cluster has nothing.
func empty(t *testing.T) *planner {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	return plannerOf(t, server.URL)
}

func plannerOf(t *testing.T, host string) *planner {
	t.Helper()
	c, err := NewCluster(&rest.Config{Host: host})
	if err != nil {
		t.Fatal(err)
	}
	return &planner{cluster: c, byKey: map[manifests.Key]*item{}, opts: Options{Parallel: 1}}
}

// token is a Secret with a token of an account.
func token(t *testing.T, account string) *item {
	return &item{
		Step:     Step{Key: manifests.Key{Resource: "secrets", Namespace: "shop", Name: "token"}},
		resource: manifests.Resource{Version: "v1", Resource: "secrets", Namespaced: true},
		body: parse(t, `{"type":"kubernetes.io/service-account-token",`+
			`"metadata":{"annotations":{"kubernetes.io/service-account.name":"`+account+`"}}}`),
	}
}

func TestATokenOfNoAccount(t *testing.T) {
	for _, name := range []string{"", "a/b", "..", "a%2fb"} {
		p, it := unreachable(t), token(t, name)
		it.absent = true
		if err := p.each(context.Background(), []*item{it}, p.decide); err != nil {
			t.Errorf("%q ends the plan: %v", name, err)
		}
		if it.Do != Blocked || !strings.Contains(it.Why, "names no service account") {
			t.Errorf("%q: %s", name, it.Step)
		}
	}
}

// TestATokenOfASkippedAccount is about an account of the plan that is not brought back, so that nobody has looked for it.
func TestATokenOfASkippedAccount(t *testing.T) {
	p, it := empty(t), token(t, "one")
	key, _ := it.account()
	account := &item{Step: Step{Key: key}, resource: manifests.Resource{Version: "v1", Resource: key.Resource, Namespaced: true}}
	account.decide(Skip, "it is generated")
	p.byKey[key] = account
	it.absent = true
	if err := p.each(context.Background(), []*item{account, it}, p.decide); err != nil {
		t.Fatal(err)
	}
	want := "serviceaccounts/one -n shop that it has a token of, and it is not brought back: it is generated"
	if it.Do != Blocked || !strings.Contains(it.Why, want) {
		t.Errorf("%s", it.Step)
	}
}

func TestATokenOfAPlannedAccount(t *testing.T) {
	p, it := empty(t), token(t, "one")
	key, _ := it.account()
	account := &item{Step: Step{Key: key}, resource: manifests.Resource{Version: "v1", Resource: key.Resource, Namespaced: true}}
	p.byKey[key] = account
	if err := p.each(context.Background(), []*item{account, it}, p.look); err != nil {
		t.Fatal(err)
	}
	if err := p.decide(context.Background(), it); err != nil || it.Do != Create || len(it.After) != 1 || it.After[0] != key {
		t.Errorf("%s, %v", it.Step, err)
	}
}
