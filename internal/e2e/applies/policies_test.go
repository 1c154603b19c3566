package applies

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/apply"
)

// things are objects that are edited: one field changed, one added.
const things = `apiVersion: v1
kind: Namespace
metadata: {name: NS}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: one, namespace: NS, labels: {app: web}}
data: {mode: "on", text: a}
---
apiVersion: v1
kind: Secret
metadata: {name: one, namespace: NS}
data: {password: c3dvcmRmaXNo}
---
apiVersion: v1
kind: Service
metadata: {name: one, namespace: NS}
spec: {type: NodePort, selector: {app: web}, ports: [{name: a, port: 80}, {name: b, port: 81}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: one, namespace: NS}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "example.com/web:1"}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: same, namespace: NS}
data: {a: b}
`

// policies has each of them deal with objects that somebody has edited.
func policies(t *testing.T, p *place) {
	for _, c := range []struct {
		policy apply.Policy
		says   []string // each step that is not unchanged, in parts
		images string   // that the Deployment has in the end
		mode   string   // of the ConfigMap
		added  string   // to the ConfigMap
	}{
		{apply.SkipExisting, []string{
			"skip configmaps/one|data.added, data.mode: the cluster has another, which stays",
			"skip secrets/one|: data.password:", "skip services/one|spec.ports[1].port",
			"skip deployments.apps/one|: spec.template.spec.containers[0].image:",
		}, "example.com/web:2", "off", "here"},
		{apply.UpdateExisting, []string{
			"conflict configmaps/one|: data.mode: somebody has set them otherwise: policy force",
			"conflict secrets/one|: data.password:",
			"blocked services/one|Duplicate value|: policy replace would do",
			"conflict deployments.apps/one|containers",
		}, "example.com/web:2", "off", "here"},
		{apply.ForceExisting, []string{
			"update configmaps/one|: data.mode", "update secrets/one|: data.password",
			"blocked services/one|Duplicate value|: policy replace would do",
			"update deployments.apps/one|: spec.template.spec.containers[0].image",
		}, "example.com/web:1", "on", "here"},
		{apply.ReplaceExisting, []string{
			"replace configmaps/one|: data.added, data.mode", "replace secrets/one|: data.password",
			"replace services/one|spec.ports[1].port",
			"replace deployments.apps/one|: spec.template.spec.containers[0].image",
		}, "example.com/web:1", "on", ""},
	} {
		t.Run(string(c.policy), func(t *testing.T) {
			ns := "policy-" + string(c.policy)
			p.make(t, things, "NS", ns)
			saved := p.dump(t, of(ns))
			p.edited(t, ns)
			before := p.get(t, "services", ns, "one")
			plan := p.plan(t, saved, apply.Options{Policy: c.policy})
			wantLines(t, slices.DeleteFunc(lines(plan), leftToOthers), c.says...)
			if text := strings.Join(lines(plan), "\n"); strings.Contains(text, "c3dvcmRmaXNo") || strings.Contains(text, "bmV3") {
				t.Errorf("the value of a Secret is shown:\n%s", text)
			}
			result, err := plan.Run(stuck(t))
			must(t, err)
			if want := !slices.ContainsFunc(c.says, stopped); result.Complete() != want {
				t.Errorf("complete: %t\n%v", result.Complete(), result.Outcomes)
			}
			data, _, _ := unstructured.NestedStringMap(p.get(t, "configmaps", ns, "one").Object, "data")
			if data["mode"] != c.mode || data["added"] != c.added {
				t.Errorf("the ConfigMap has %v", data)
			}
			if image := imageOf(p.get(t, "deployments.v1.apps", ns, "one")); image != c.images {
				t.Errorf("the image is %s, want %s", image, c.images)
			}
			p.sameAddress(t, before)
			want := slices.DeleteFunc(slices.Clone(c.says), func(line string) bool { return !stopped(line) && line[:4] != "skip" })
			wantLines(t, slices.DeleteFunc(lines(p.plan(t, saved, apply.Options{Policy: c.policy})), leftToOthers), want...)
		})
	}
}

// leftToOthers reports whether a line is of what the control plane makes.
func leftToOthers(line string) bool {
	return strings.HasPrefix(line, "skip") && !strings.Contains(line, "the cluster has another")
}

// stopped reports whether a line is of what can't be brought back.
func stopped(line string) bool {
	return strings.HasPrefix(line, "blocked") || strings.HasPrefix(line, "conflict")
}

// edited changes the things as somebody would.
func (p *place) edited(t *testing.T, ns string) {
	t.Helper()
	p.edit(t, "configmaps", ns, "one", func(o *unstructured.Unstructured) {
		set("off", "data", "mode")(o)
		set("here", "data", "added")(o)
	})
	p.edit(t, "secrets", ns, "one", set("bmV3", "data", "password"))
	p.edit(t, "services", ns, "one", func(o *unstructured.Unstructured) {
		ports, _, _ := unstructured.NestedSlice(o.Object, "spec", "ports")
		ports[1].(map[string]any)["port"] = int64(82)
		set(ports, "spec", "ports")(o)
	})
	p.edit(t, "deployments.v1.apps", ns, "one", func(o *unstructured.Unstructured) {
		containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
		containers[0].(map[string]any)["image"] = "example.com/web:2"
		set(containers, "spec", "template", "spec", "containers")(o)
	})
	p.until(t, "the controller has seen it", func(context.Context) bool { // or it writes later what nobody expects
		o := p.get(t, "deployments.v1.apps", ns, "one")
		seen, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
		return seen == o.GetGeneration()
	})
}

func imageOf(o *unstructured.Unstructured) string {
	containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
	return containers[0].(map[string]any)["image"].(string)
}

// sameAddress holds that a Service is the one that it was, with its address.
func (p *place) sameAddress(t *testing.T, before *unstructured.Unstructured) {
	t.Helper()
	now := p.get(t, "services", before.GetNamespace(), before.GetName())
	was, _, _ := unstructured.NestedString(before.Object, "spec", "clusterIP")
	is, _, _ := unstructured.NestedString(now.Object, "spec", "clusterIP")
	if was != is || now.GetUID() != before.GetUID() {
		t.Errorf("the address of the Service was %s and is %s", was, is)
	}
}

// failPolicy writes nothing at all if there is one other object.
func failPolicy(t *testing.T, p *place) {
	p.make(t, things, "NS", "policy-fail")
	saved := p.dump(t, of("policy-fail"))
	p.edit(t, "configmaps", "policy-fail", "one", set("off", "data", "mode"))
	p.delete(t, "configmaps", "policy-fail", "same")
	plan := p.plan(t, saved, apply.Options{Policy: apply.FailExisting})
	wantLines(t, writes(plan), "conflict configmaps/one|: data.mode: the cluster has another", "create configmaps/same")
	if blocked := plan.Blocked(); len(blocked) != 1 || plan.Writes() != 1 {
		t.Errorf("blocked %v, %d writes", blocked, plan.Writes())
	}
	result, err := plan.Run(stuck(t))
	if !errors.Is(err, apply.ErrConflicts) {
		t.Errorf("error %v", err)
	}
	if failed := result.Failed(); len(failed) != 2 || failed[1].State != apply.Unreached {
		t.Errorf("failed: %v", failed)
	}
	if _, err := p.at("configmaps", "policy-fail").Get(stuck(t), "same", metav1.GetOptions{}); err == nil {
		t.Error("something was written")
	}
	p.edit(t, "configmaps", "policy-fail", "one", set("on", "data", "mode"))
	p.bring(t, saved, apply.Options{Policy: apply.FailExisting})
	p.get(t, "configmaps", "policy-fail", "same")
}

// ownFields updates what this package has written before without force.
func ownFields(t *testing.T, p *place) {
	first := written(t, things, "NS", "own-fields")
	p.bring(t, first, apply.Options{})
	second := written(t, things, "NS", "own-fields", "text: a", "text: b")
	plan := p.plan(t, second, apply.Options{Policy: apply.UpdateExisting})
	wantLines(t, lines(plan), "update configmaps/one|: data.text")
	p.run(t, plan)
	wantLines(t, lines(p.plan(t, second, apply.Options{Policy: apply.UpdateExisting})))
}

// selection brings back what a label picks, and nothing else moves.
func selection(t *testing.T, p *place) {
	p.make(t, things, "NS", "selected")
	all := p.dump(t, of("selected"))
	saved := p.dump(t, func(o *manifests.Object) bool {
		return of("selected")(o) && documents(t, string(o.YAML))[0].GetLabels()["app"] == "web"
	})
	p.edited(t, "selected")
	wantLines(t, writes(p.plan(t, saved, apply.Options{Policy: apply.ReplaceExisting})), "replace configmaps/one")
	before := p.versions(t)
	p.bring(t, saved, apply.Options{Policy: apply.ReplaceExisting})
	after := p.versions(t)
	picked := manifests.Key{Resource: "configmaps", Namespace: "selected", Name: "one"}
	if before[picked] == after[picked] {
		t.Error("nothing was brought back")
	}
	for key, version := range before { // the controller of Deployments may still write their status
		if after[key] != version && key != picked && key.Resource != "deployments" {
			t.Errorf("%s was touched", key)
		}
	}
	wantLines(t, writes(p.plan(t, all, apply.Options{Policy: apply.ReplaceExisting})), // what stayed as it was edited
		"replace deployments.apps/one", "replace secrets/one", "replace services/one")
}

// duplicates are lists with two elements of one key, which a create takes and an apply does not.
func duplicates(t *testing.T, p *place) {
	const image = `image: "example.com/web:1"`
	objects := written(t, things, "NS", "duplicates", image, image+`, env: [{name: A, value: "1"}, {name: A, value: "2"}]`)
	p.bring(t, objects, apply.Options{Policy: apply.ForceExisting})
	env := func() int {
		o := p.get(t, "deployments.v1.apps", "duplicates", "one")
		containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
		return len(containers[0].(map[string]any)["env"].([]any))
	}
	if env() != 2 {
		t.Errorf("%d of 2 variables came back", env())
	}
	wantLines(t, lines(p.plan(t, objects, apply.Options{Policy: apply.ForceExisting})))
	p.edit(t, "deployments.v1.apps", "duplicates", "one", set(int64(1), "spec", "minReadySeconds"))
	wantLines(t, lines(p.plan(t, objects, apply.Options{Policy: apply.ForceExisting})),
		"blocked deployments.apps/one|113482|policy replace would do")
	wantLines(t, lines(p.plan(t, objects, apply.Options{})), "skip deployments.apps/one|: spec.minReadySeconds:")
	plan := p.plan(t, objects, apply.Options{Policy: apply.ReplaceExisting})
	wantLines(t, lines(plan), "replace deployments.apps/one|: spec.minReadySeconds")
	p.run(t, plan)
	if env() != 2 {
		t.Errorf("%d of 2 variables are left", env())
	}
}
