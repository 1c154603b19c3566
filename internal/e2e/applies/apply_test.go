package applies

import (
	"context"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/apply"
)

func TestApply(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for name, test := range map[string]func(*testing.T, *place){
		"policies": policies, "policy fail": failPolicy, "own fields": ownFields, "a selection": selection, "blocked": blocked,
		"rights": rights, "duplicates": duplicates, "moves": moves, "races": races, "strangers": strangers,
		"needs": needs, "tokens": tokens, "definitions": definitions, "volumes": volumes, "suspended": suspended,
		"read": unreadable, "answers are lost": lostAnswers, "the API server is gone": serverGone, "the command": tool,
	} {
		t.Run(name, func(t *testing.T) { test(t, p) })
	}
}

// claims are a claim with a volume that names it, one whose volume was provisioned, and one of somebody else's volume.
const claims = `apiVersion: v1
kind: Namespace
metadata: {name: claims}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: claims-static}
spec:
  capacity: {storage: 5Gi}
  accessModes: [ReadWriteMany]
  persistentVolumeReclaimPolicy: Retain
  storageClassName: ""
  claimRef: {namespace: claims, name: static}
  nfs: {server: 192.0.2.30, path: /srv}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: static, namespace: claims}
spec: {accessModes: [ReadWriteMany], storageClassName: "", volumeName: claims-static, resources: {requests: {storage: 5Gi}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: dynamic, namespace: claims, annotations: {volume.kubernetes.io/storage-provisioner: disk.example.com}}
spec: {accessModes: [ReadWriteOnce], storageClassName: claims-disk, resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: claims-dynamic, annotations: {pv.kubernetes.io/provisioned-by: disk.example.com}}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  storageClassName: claims-disk
  claimRef: {apiVersion: v1, kind: PersistentVolumeClaim, namespace: claims, name: dynamic}
  csi: {driver: disk.example.com, volumeHandle: "1"}
`

func (p *place) bound(t *testing.T, claim, volume string) {
	t.Helper()
	p.until(t, claim+" is bound", func(context.Context) bool {
		o := p.get(t, "persistentvolumeclaims", "claims", claim)
		phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
		name, _, _ := unstructured.NestedString(o.Object, "spec", "volumeName")
		return phase == "Bound" && name == volume
	})
}

// volumes are those that claims had which are gone: an object that comes back is not to come without its data.
func volumes(t *testing.T, p *place) {
	p.make(t, claims)
	p.bound(t, "static", "claims-static")
	p.bound(t, "dynamic", "claims-dynamic")
	saved := p.dump(t, func(o *manifests.Object) bool {
		return o.Namespace == "claims" && o.Resource == "persistentvolumeclaims"
	})
	wantLines(t, lines(p.plan(t, saved, apply.Options{Policy: apply.ReplaceExisting})))
	all := p.dump(t, func(o *manifests.Object) bool {
		return of("claims")(o) || o.Resource == "persistentvolumes"
	})
	wantLines(t, writes(p.plan(t, all, apply.Options{Policy: apply.ReplaceExisting})))
	wantLines(t, lines(p.plan(t, written(t, `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: greedy, namespace: claims}
spec: {accessModes: [ReadWriteMany], storageClassName: "", volumeName: claims-static, resources: {requests: {storage: 5Gi}}}
`), apply.Options{})), "blocked persistentvolumeclaims/greedy|its volume claims-static is claimed by claims/static")

	p.delete(t, "persistentvolumeclaims", "claims", "static")
	p.delete(t, "persistentvolumeclaims", "claims", "dynamic")
	for _, volume := range []string{"claims-static", "claims-dynamic"} {
		p.until(t, volume+" is released", func(context.Context) bool {
			phase, _, _ := unstructured.NestedString(p.get(t, "persistentvolumes", "", volume).Object, "status", "phase")
			return phase == "Released"
		})
	}
	wantLines(t, lines(p.plan(t, saved, apply.Options{})),
		"blocked persistentvolumeclaims/dynamic|volume claims-dynamic has its data",
		"blocked persistentvolumeclaims/static|volume claims-static has its data|kubectl patch pv claims-static")
	for _, volume := range []string{"claims-static", "claims-dynamic"} { // as the plan says
		_, err := p.at("persistentvolumes", "").Patch(stuck(t), volume, types.JSONPatchType,
			[]byte(`[{"op":"remove","path":"/spec/claimRef/uid"}]`), metav1.PatchOptions{})
		must(t, err)
	}
	p.bring(t, saved, apply.Options{})
	p.bound(t, "static", "claims-static")
	p.bound(t, "dynamic", "claims-dynamic")

	for _, name := range []string{"static", "dynamic"} { // and now both are gone
		p.delete(t, "persistentvolumeclaims", "claims", name)
		p.delete(t, "persistentvolumes", "", "claims-"+name)
	}
	p.bring(t, all, apply.Options{})
	p.bound(t, "static", "claims-static")
	p.bound(t, "dynamic", "claims-dynamic")
}

// suspended are jobs that are not to start when they arrive.
func suspended(t *testing.T, p *place) {
	objects := written(t, `apiVersion: v1
kind: Namespace
metadata: {name: suspended}
---
apiVersion: batch/v1
kind: Job
metadata: {name: one, namespace: suspended}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: one, namespace: suspended}
spec:
  schedule: "* * * * *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}}
`)
	opts := apply.Options{Suspend: true, Policy: apply.UpdateExisting}
	p.bring(t, objects, opts)
	for _, resource := range []string{"jobs.v1.batch", "cronjobs.v1.batch"} {
		if on, _, _ := unstructured.NestedBool(p.get(t, resource, "suspended", "one").Object, "spec", "suspend"); !on {
			t.Errorf("%s is not suspended", resource)
		}
	}
	wantLines(t, lines(p.plan(t, objects, opts)))
	pods, err := p.at("pods", "suspended").List(stuck(t), metav1.ListOptions{})
	must(t, err)
	if len(pods.Items) != 0 {
		t.Errorf("%d pods run", len(pods.Items))
	}
}

// unreadable are objects of which no plan is made.
func unreadable(t *testing.T, p *place) {
	one := written(t, map1, "NS", "default")[0]
	for name, objects := range map[string][]apply.Object{
		"twice":   {one, one},
		"no YAML": {{Body: []byte("a: [")}},
		"no name": {{Body: []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n")}},
	} {
		if plan, err := p.cluster.Plan(stuck(t), objects, apply.Options{}); err == nil {
			t.Errorf("%s: %v", name, plan.Steps)
		}
	}
	odd := p.plan(t, []apply.Object{{Body: []byte("apiVersion: a/b/c\nkind: Thing\nmetadata: {name: one}\n")}}, apply.Options{})
	wantLines(t, lines(odd), `blocked Thing/one: "a/b/c" is no apiVersion`)
	for _, opts := range []apply.Options{{Policy: "other"}, {Parallel: -1}} {
		if _, err := p.cluster.Plan(stuck(t), nil, opts); err == nil {
			t.Errorf("%v is taken", opts)
		}
	}
	ctx, cancel := context.WithCancel(stuck(t))
	cancel()
	if _, err := p.cluster.Plan(ctx, []apply.Object{one}, apply.Options{}); err == nil {
		t.Error("a plan was made without asking")
	}
	plan := p.plan(t, written(t, map1, "NS", "default", "one", "never"), apply.Options{})
	result, err := plan.Run(ctx)
	if err == nil || result.Complete() || result.Outcomes[0].State != apply.Unreached {
		t.Errorf("%v, %v", result, err)
	}
}

// needs are what admission looks for, and what the plan brings back before.
func needs(t *testing.T, p *place) {
	objects := written(t, `apiVersion: v1
kind: Pod
metadata: {name: needs, namespace: default}
spec: {serviceAccountName: needs, priorityClassName: needs, containers: [{name: a, image: a}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: needs, namespace: default}
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: needs}
value: 7
`)
	wantLines(t, lines(p.plan(t, objects[:1], apply.Options{})), "blocked pods/needs|not found")
	wantLines(t, lines(p.plan(t, objects, apply.Options{})),
		"create priorityclasses.scheduling.k8s.io/needs", "create serviceaccounts/needs",
		"create pods/needs|after serviceaccounts/needs -n default and priorityclasses.scheduling.k8s.io/needs")
	odd := written(t, map1, "kind: ConfigMap", "kind: ServiceAccount", "NS", "default", "one", "needs", "data: {a: b}", "a: b")
	wantLines(t, lines(p.plan(t, []apply.Object{objects[0], odd[0]}, apply.Options{})),
		"blocked serviceaccounts/needs|unknown field",
		"blocked pods/needs|serviceaccounts/needs -n default, which it needs, is not brought back")
	p.bring(t, objects, apply.Options{})
	if n, _, _ := unstructured.NestedInt64(p.get(t, "pods", "default", "needs").Object, "spec", "priority"); n != 7 {
		t.Errorf("the pod has priority %d", n)
	}
}

// definitions come before what they define, and one whose names are taken serves nothing.
func definitions(t *testing.T, p *place) {
	text := testdata(t, "definition") + "---\n" +
		"apiVersion: shop.example.com/v1\nkind: Cart\nmetadata: {name: one, namespace: default}\n"
	objects := written(t, text)
	wantLines(t, lines(p.plan(t, objects[1:], apply.Options{})),
		"blocked Cart.shop.example.com/one|bring its CustomResourceDefinition back")
	plan := p.plan(t, objects, apply.Options{})
	wantLines(t, lines(plan), "create customresourcedefinitions",
		"create carts.shop.example.com/one|after customresourcedefinitions")
	p.run(t, plan)
	wantLines(t, lines(p.plan(t, objects, apply.Options{Policy: apply.FailExisting})))

	others := written(t, text, "carts", "wagons", "kind: Cart\n", "kind: Wagon\n")
	plan = p.plan(t, others[:1], apply.Options{})
	wantLines(t, lines(plan), "create customresourcedefinitions.apiextensions.k8s.io/wagons.shop.example.com")
	result, err := plan.Run(stuck(t))
	must(t, err)
	if failed := result.Failed(); len(failed) != 1 || !strings.Contains(failed[0].Err, "its names are taken: ") {
		t.Errorf("%v", failed)
	}
	p.delete(t, "customresourcedefinitions.v1.apiextensions.k8s.io", "", "wagons.shop.example.com") // or no dump is complete
}

// tokens are those of accounts, which are made anew for the account that is there then.
func tokens(t *testing.T, p *place) {
	objects := written(t, `apiVersion: v1
kind: Secret
metadata: {name: tokens, namespace: default, annotations: {kubernetes.io/service-account.name: tokens}}
type: kubernetes.io/service-account-token
data: {token: c3RhbGU=, extra: a2VlcA==}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: tokens, namespace: default}
`)
	wantLines(t, lines(p.plan(t, objects[:1], apply.Options{})),
		"blocked secrets/tokens|there is no serviceaccounts/tokens -n default")
	plan := p.plan(t, objects, apply.Options{})
	wantLines(t, lines(plan), "create serviceaccounts/tokens", "create secrets/tokens|after serviceaccounts/tokens")
	p.run(t, plan)
	p.until(t, "a token is made", func(context.Context) bool {
		data, _, _ := unstructured.NestedStringMap(p.get(t, "secrets", "default", "tokens").Object, "data")
		return data["token"] != "" && data["token"] != "c3RhbGU=" && data["extra"] == "a2VlcA=="
	})
	p.delete(t, "secrets", "default", "tokens")
	p.bring(t, objects[:1], apply.Options{}) // the account is there
}
