package apply

import (
	"context"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/manifests"
)

// unreachable is a planner whose cluster does not answer.
func unreachable(t *testing.T) *planner {
	t.Helper()
	c, err := NewCluster(&rest.Config{Host: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	return &planner{cluster: c, byKey: map[manifests.Key]*item{}, opts: Options{Parallel: 1}}
}

// token is a Secret with a token of an account.
func token(t *testing.T, account string) *item {
	return &item{
		Step: Step{Key: manifests.Key{Resource: "secrets", Namespace: "shop", Name: "token"}},
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
