package apply

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
)

// serving is a planner whose cluster serves wagons.shop.example.com at v1, and has none.
func serving(t *testing.T) *planner {
	t.Helper()
	answers := map[string]string{
		"/api": `{"kind":"APIVersions","versions":[]}`,
		"/apis": `{"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":"shop.example.com",` +
			`"versions":[{"groupVersion":"shop.example.com/v1","version":"v1"}],` +
			`"preferredVersion":{"groupVersion":"shop.example.com/v1","version":"v1"}}]}`,
		"/apis/shop.example.com/v1": `{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"shop.example.com/v1",` +
			`"resources":[{"name":"wagons","singularName":"wagon","namespaced":true,"kind":"Wagon",` +
			`"verbs":["create","delete","get","list","patch","update","watch"]}]}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(server.Close)
	p := plannerOf(t, server.URL)
	p.kinds = kinds{cluster: p.cluster, known: map[kindName]kind{}, planned: map[kindName]kind{}}
	return p
}

// wagons is the definition of wagons, which the plan has with one more version.
func wagons(t *testing.T) *item {
	return &item{
		Step: Step{Key: manifests.Key{Group: ofDefinitions.group, Resource: ofDefinitions.resource, Name: "wagons.shop.example.com"}},
		body: parse(t, `{"spec":{"group":"shop.example.com","scope":"Namespaced","names":{"plural":"wagons","kind":"Wagon"},`+
			`"versions":[{"name":"v1","served":true},{"name":"v1beta1","served":true}]}}`),
	}
}

func TestAVersionThatTheClustersDefinitionDoesNotServe(t *testing.T) {
	name := kindName{"shop.example.com/v1beta1", "Wagon"}
	for absent, version := range map[bool]string{true: "v1beta1", false: "v1"} {
		p, definition := serving(t), wagons(t)
		definition.absent = absent
		p.kinds.add(definition)
		found, err := p.kinds.find(context.Background(), name)
		if err != nil || found.resource.Version != version || (found.definition == definition) != absent {
			t.Errorf("absent %v: %+v, %v", absent, found, err)
		}
		if said := strings.Contains(found.note, "saved as shop.example.com/v1beta1"); said == absent {
			t.Errorf("absent %v: note %q", absent, found.note)
		}
	}
}

// TestWhatIsNotServedOfADefinitionIsLookedFor holds that only an absent definition tells that there are no objects.
func TestWhatIsNotServedOfADefinitionIsLookedFor(t *testing.T) {
	for _, absent := range []bool{true, false} {
		p, definition := unreachable(t), wagons(t)
		definition.absent = absent
		it := &item{
			Step:       Step{Key: manifests.Key{Group: "shop.example.com", Resource: "wagons", Namespace: "shop", Name: "one"}},
			resource:   manifests.Resource{Group: "shop.example.com", Version: "v2", Resource: "wagons", Namespaced: true},
			definition: definition,
		}
		if err := p.look(context.Background(), it); (err == nil) != absent || it.absent != absent {
			t.Errorf("absent %v: %v, %v", absent, it.absent, err)
		}
	}
}

func TestADefinitionThatIsThereAndServesNothing(t *testing.T) {
	p, definition := unreachable(t), wagons(t)
	definition.decide(Unchanged, "")
	it := &item{definition: definition}
	it.Key = manifests.Key{Group: "shop.example.com", Resource: "wagons", Name: "one"}
	want := "the cluster has the definition of its kind, " + definition.Key.String() +
		", and does not serve it"
	if err := p.decide(context.Background(), it); err != nil || it.Do != Blocked || !strings.HasPrefix(it.Why, want) {
		t.Errorf("%s, %v", it.Step, err)
	}
}
