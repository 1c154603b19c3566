package applies

import (
	"context"
	"maps"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/apply"
)

func TestApply(t *testing.T) {
	p := newPlace(t)
	p.make(t, testdata(t, "definition"))
	p.make(t, testdata(t, "shop"))
	for name, test := range map[string]func(*testing.T, *place){
		"a namespace comes back": comesBack, "policies": policies, "policy fail": failPolicy, "own fields": ownFields,
		"a selection": selection, "blocked": blocked, "rights": rights, "duplicates": duplicates, "moves": moves,
	} {
		t.Run(name, func(t *testing.T) { test(t, p) })
	}
}

// comesBack deletes a namespace, and then also the definition of a kind in it.
func comesBack(t *testing.T, p *place) {
	saved := p.dump(t, func(o *manifests.Object) bool { return of("shop")(o) || o.Name == "carts.shop.example.com" })
	before := p.versions(t)
	wantLines(t, writes(p.plan(t, saved, apply.Options{Policy: apply.ReplaceExisting})))

	for _, withDefinition := range []bool{false, true} {
		token, _, _ := unstructured.NestedString(p.get(t, "secrets", "shop", "runner-token").Object, "data", "token")
		p.delete(t, "namespaces", "", "shop")
		if withDefinition {
			p.delete(t, "customresourcedefinitions.v1.apiextensions.k8s.io", "", "carts.shop.example.com")
		}
		plan := p.plan(t, saved, apply.Options{})
		if blocked := plan.Blocked(); len(blocked) != 0 {
			t.Errorf("blocked: %v", blocked)
		}
		if step := do(t, plan, "carts", "one"); len(step.After) != map[bool]int{false: 1, true: 2}[withDefinition] {
			t.Errorf("%s", step)
		}
		p.run(t, plan)
		p.works(t, token)

		again := p.plan(t, saved, apply.Options{Policy: apply.ReplaceExisting})
		wantLines(t, writes(again))
		now := p.versions(t)
		p.run(t, again)
		p.run(t, p.plan(t, saved, apply.Options{Policy: apply.ForceExisting}))
		for key, version := range p.versions(t) {
			if now[key] != version && key.Namespace == "shop" {
				t.Errorf("a second run has written %s", key)
			}
		}
		for key := range before {
			if _, ok := now[key]; !ok {
				t.Errorf("%s is not back", key)
			}
		}
	}
}

// works holds that the controllers act on what came back.
func (p *place) works(t *testing.T, oldToken string) {
	t.Helper()
	p.until(t, "a token is made", func(context.Context) bool {
		token, _, _ := unstructured.NestedString(p.get(t, "secrets", "shop", "runner-token").Object, "data", "token")
		return token != "" && token != oldToken
	})
	count := func(resource, label string) int {
		list, err := p.at(resource, "shop").List(stuck(t), metav1.ListOptions{LabelSelector: label})
		must(t, err)
		return len(list.Items)
	}
	for what, want := range map[[2]string]int{
		{"replicasets.v1.apps", "app=web"}: 1, {"pods", "app=web"}: 2, {"pods", "app=db"}: 1,
		{"endpointslices.v1.discovery.k8s.io", "kubernetes.io/service-name=web"}:     1,
		{"endpointslices.v1.discovery.k8s.io", "kubernetes.io/service-name=outside"}: 1,
		{"pods", "batch.kubernetes.io/job-name=import"}:                              1,
		{"pods", "app=alone"}: 1,
	} {
		p.until(t, what[0]+" with "+what[1]+" are made", func(context.Context) bool { return count(what[0], what[1]) == want })
	}
	ports, _, _ := unstructured.NestedSlice(p.get(t, "services", "shop", "web").Object, "spec", "ports")
	if got := ports[0].(map[string]any)["nodePort"]; got != int64(30123) {
		t.Errorf("the node port is %v, want 30123", got)
	}
	owner, _, _ := unstructured.NestedString(p.get(t, "carts.v1.shop.example.com", "shop", "one").Object, "spec", "owner")
	if owner != "nobody" {
		t.Errorf("the cart's owner is %q", owner)
	}
}

// writes gives the lines of a plan that are not of objects left to others.
func writes(plan *apply.Plan) []string {
	all := map[string]bool{}
	for _, s := range plan.Steps {
		if s.Do != apply.Unchanged && s.Do != apply.Skip {
			all[s.String()] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}
