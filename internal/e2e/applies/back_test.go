package applies

import (
	"context"
	"maps"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clustersnap/clustersnap/internal/e2e/corpus"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/apply"
)

func TestComesBack(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.make(t, testdata(t, "definition"))
	p.make(t, testdata(t, "shop"))
	p.edit(t, "serviceaccounts", "shop", "default", func(o *unstructured.Unstructured) {
		set([]any{map[string]any{"name": "password"}}, "imagePullSecrets")(o)
	})
	keep := func(o *manifests.Object) bool { return of("shop")(o) || o.Name == "carts.shop.example.com" }
	fromEtcd, fromFiles := p.snapshot(t, keep), p.tree(t, keep)
	wantLines(t, writes(p.plan(t, fromEtcd, apply.Options{Policy: apply.ReplaceExisting}))) // and it knows the kinds now
	t.Run("from etcd, with the definition", func(t *testing.T) {
		p.delete(t, "namespaces", "", "shop")
		p.delete(t, "customresourcedefinitions.v1.apiextensions.k8s.io", "", "carts.shop.example.com")
		p.comesBack(t, fromEtcd, fromFiles, 2)
	})
	t.Run("from files", func(t *testing.T) {
		p.delete(t, "namespaces", "", "shop")
		p.comesBack(t, fromFiles, fromEtcd, 1)
	})
	t.Run("a whole cluster", func(t *testing.T) { wholeCluster(t, p) })
}

// comesBack brings a deleted namespace back. The same saved in another way is then nothing new.
func (p *place) comesBack(t *testing.T, saved, other []apply.Object, after int) {
	plan := p.plan(t, saved, apply.Options{})
	if blocked := plan.Blocked(); len(blocked) != 0 {
		t.Errorf("blocked: %v", blocked)
	}
	if step := do(t, plan, "carts", "one"); len(step.After) != after {
		t.Errorf("%s, want it after %d others", step, after)
	}
	p.run(t, plan)
	p.works(t)

	before := p.versions(t)
	for _, policy := range []apply.Policy{apply.ReplaceExisting, apply.ForceExisting, apply.UpdateExisting, apply.FailExisting} {
		for _, objects := range [][]apply.Object{saved, other} {
			again := p.plan(t, objects, apply.Options{Policy: policy})
			wantLines(t, writes(again))
			p.run(t, again)
		}
	}
	for key, version := range p.versions(t) {
		if before[key] != version && key.Namespace == "shop" {
			t.Errorf("a second run has written %s", key)
		}
	}
}

// works holds that the controllers act on what came back.
func (p *place) works(t *testing.T) {
	t.Helper()
	p.until(t, "a token is made", func(context.Context) bool {
		token, _, _ := unstructured.NestedString(p.get(t, "secrets", "shop", "runner-token").Object, "data", "token")
		return token != ""
	})
	list, _, _ := unstructured.NestedSlice(p.get(t, "serviceaccounts", "shop", "default").Object, "imagePullSecrets")
	if len(list) != 1 {
		t.Errorf("the account default has the secrets %v for images", list)
	}
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
	if got := ports[0].(map[string]any)["nodePort"]; got != int64(30023) {
		t.Errorf("the node port is %v, want 30023", got)
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

// wholeCluster brings all that users have made in one cluster to another, which has none of it.
func wholeCluster(t *testing.T, second *place) {
	first := newPlace(t)
	made, err := corpus.Load(stuck(t), first.config)
	must(t, err)
	must(t, corpus.Settle(stuck(t), first.config, made))
	saved := first.snapshot(t, func(o *manifests.Object) bool { return o.Class == manifests.User })
	if len(saved) < 100 {
		t.Fatalf("%d objects: that shows little", len(saved))
	}
	plan := second.plan(t, saved, apply.Options{})
	// Its definition serves no version any more, so nobody but etcd has it.
	const unseen = "blocked Secrecy.corpus.example.com/unseen|does not serve Secrecy of corpus.example.com/v1"
	wantLines(t, blockedLines(plan.Blocked()), unseen)
	result, err := plan.Run(stuck(t))
	must(t, err)
	if failed := result.Failed(); len(failed) != 1 {
		t.Errorf("failed: %v", failed)
	}
	wantLines(t, writes(second.plan(t, saved, apply.Options{Policy: apply.ReplaceExisting})), unseen)
	t.Logf("%d objects brought back", len(saved))
}

func blockedLines(steps []apply.Step) []string {
	var all []string
	for _, s := range steps {
		all = append(all, s.String())
	}
	return all
}
