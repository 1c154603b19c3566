package applies

import (
	"context"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/manifests/apply"
)

const map1 = `apiVersion: v1
kind: ConfigMap
metadata: {name: one, namespace: NS}
data: {a: b}
`

// blocked are all the reasons for which an object can't be brought back.
func blocked(t *testing.T, p *place) {
	const head = "apiVersion: v1\nkind: Namespace\nmetadata: {name: blocked}\n---\n"
	p.make(t, head+strings.ReplaceAll(map1, "NS", "blocked")+`---
apiVersion: v1
kind: ResourceQuota
metadata: {name: few, namespace: blocked}
spec: {hard: {count/secrets: "0"}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: one, namespace: blocked}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "example.com/web:1"}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: going, namespace: blocked, finalizers: [example.com/stay]}
---
apiVersion: v1
kind: Secret
metadata: {name: fixed, namespace: default}
immutable: true
data: {password: c3dvcmRmaXNo}
---
apiVersion: v1
kind: Service
metadata: {name: taken, namespace: default}
spec: {type: NodePort, ports: [{port: 80, nodePort: 30050}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: refuses}
webhooks:
- name: refuses.example.com
  clientConfig: {url: "https://127.0.0.1:1/none"}
  rules: [{apiGroups: [batch], apiVersions: [v1], operations: [CREATE], resources: [cronjobs]}]
  admissionReviewVersions: [v1]
  sideEffects: None
`)
	must(t, p.at("configmaps", "blocked").Delete(stuck(t), "going", metav1.DeleteOptions{}))
	p.make(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: ending}\n---\napiVersion: v1\nkind: ConfigMap\n"+
		"metadata: {name: stays, namespace: ending, finalizers: [example.com/stay]}\n")
	must(t, p.at("namespaces", "").Delete(stuck(t), "ending", metav1.DeleteOptions{}))
	defer func() { // or they stay for ever
		for _, o := range [][2]string{{"blocked", "going"}, {"ending", "stays"}} {
			p.edit(t, "configmaps", o[0], o[1], func(o *unstructured.Unstructured) { o.SetFinalizers(nil) })
		}
		p.delete(t, "validatingwebhookconfigurations.v1.admissionregistration.k8s.io", "", "refuses")
	}()
	p.until(t, "the quota counts", func(context.Context) bool {
		_, counted, _ := unstructured.NestedMap(p.get(t, "resourcequotas", "blocked", "few").Object, "status", "hard")
		return counted
	})
	for name, c := range map[string]struct {
		text string
		says string
	}{
		"kind that is not served":    {"apiVersion: none.example.com/v1\nkind: Thing\nmetadata: {name: one}\n", "does not serve Thing of none.example.com/v1"},
		"version that is not served": {"apiVersion: batch/v2alpha1\nkind: CronJob\nmetadata: {name: one, namespace: blocked}\n", "it was saved as batch/v2alpha1, which the cluster does not serve; CronJob"},
		"no such namespace":          {strings.ReplaceAll(map1, "NS", "nowhere"), "there is no namespace nowhere: bring it back as well"},
		"namespace that ends":        {strings.ReplaceAll(map1, "NS", "ending"), "its namespace is being deleted"},
		"object that goes":           {strings.NewReplacer("NS", "blocked", "one", "going").Replace(map1), "being deleted: wait until it is gone"},
		"namespace that goes":        {"apiVersion: v1\nkind: Namespace\nmetadata: {name: ending}\n", "being deleted: wait until it is gone"},
		"immutable field": {`apiVersion: apps/v1
kind: Deployment
metadata: {name: one, namespace: blocked}
spec:
  replicas: 0
  selector: {matchLabels: {app: other}}
  template:
    metadata: {labels: {app: other}}
    spec: {containers: [{name: web, image: "example.com/web:1"}]}
`, "field is immutable"},
		"immutable Secret": {"apiVersion: v1\nkind: Secret\nmetadata: {name: fixed, namespace: default}\nimmutable: true\ndata: {password: b3RoZXJvbmU=}\n", "immutable"},
		"quota":            {"apiVersion: v1\nkind: Secret\nmetadata: {name: more, namespace: blocked}\n", "exceeded quota: few"},
		"node port taken":  {"apiVersion: v1\nkind: Service\nmetadata: {name: other, namespace: default}\nspec: {type: NodePort, ports: [{port: 80, nodePort: 30050}]}\n", "port is already allocated"},
		"webhook that does not answer": {`apiVersion: batch/v1
kind: CronJob
metadata: {name: one, namespace: default}
spec: {schedule: "0 3 * * *", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}}}
`, "failed calling webhook"},
		"unknown field":          {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: odd, namespace: default}\nshape: round\n", `unknown field "shape"`},
		"wrong type in a Secret": {"apiVersion: v1\nkind: Secret\nmetadata: {name: odd, namespace: default}\ndata: {password: [swordfish]}\n", "cannot unmarshal"},
		"no namespace":           {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: odd}\n", "no metadata.namespace"},
		"a namespace too much":   {"apiVersion: v1\nkind: Namespace\nmetadata: {name: odd, namespace: default}\n", "which its kind does not"},
		"invalid":                {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 'Not a name', namespace: default}\n", "Invalid value"},
	} {
		t.Run(name, func(t *testing.T) {
			before := p.versions(t)
			plan := p.plan(t, written(t, c.text), apply.Options{Policy: apply.ForceExisting})
			if len(plan.Steps) != 1 || plan.Steps[0].Do != apply.Blocked || !strings.Contains(plan.Steps[0].Why, c.says) {
				t.Errorf("%v, want blocked with %q", plan.Steps, c.says)
			}
			for _, value := range []string{"swordfish", "c3dvcmRmaXNo", "otherone", "b3RoZXJvbmU"} {
				if strings.Contains(plan.Steps[0].String(), value) {
					t.Errorf("the value of a Secret is shown: %s", plan.Steps[0])
				}
			}
			result, err := plan.Run(stuck(t))
			must(t, err)
			if result.Complete() || result.Outcomes[0].State != apply.Failed || result.Outcomes[0].Err != plan.Steps[0].Why {
				t.Errorf("%v", result.Outcomes)
			}
			for key, version := range p.versions(t) {
				if before[key] != version {
					t.Errorf("%s was touched", key)
				}
			}
		})
	}
}

// rights are those of somebody who may do little.
func rights(t *testing.T, p *place) {
	p.make(t, `apiVersion: v1
kind: Namespace
metadata: {name: rights}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: one, namespace: rights}
data: {a: b}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: little, namespace: rights}
rules: [{apiGroups: [""], resources: [configmaps], verbs: [get, create]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: little, namespace: rights}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: little}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: somebody}]
`)
	config := rest.CopyConfig(p.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "somebody", Groups: []string{"system:authenticated"}}
	cluster, err := apply.NewCluster(config)
	must(t, err)
	objects := written(t, `apiVersion: v1
kind: ConfigMap
metadata: {name: one, namespace: rights}
data: {a: c}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: two, namespace: rights}
---
apiVersion: v1
kind: Secret
metadata: {name: one, namespace: rights}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: one, namespace: rights}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`)
	plan, err := cluster.Plan(stuck(t), objects, apply.Options{Policy: apply.ForceExisting})
	must(t, err)
	wantLines(t, lines(plan), "blocked configmaps/one|cannot patch", "create configmaps/two", "blocked secrets/one|cannot get",
		"blocked persistentvolumeclaims/one|cannot get")
	plan, err = cluster.Plan(stuck(t), objects[:2], apply.Options{})
	must(t, err)
	wantLines(t, lines(plan), "skip configmaps/one|: data.a: the cluster has another", "create configmaps/two")
	result, err := plan.Run(stuck(t))
	must(t, err)
	if !result.Complete() {
		t.Errorf("%v", result.Failed())
	}
}

// duplicates are lists with two elements of one key, which a create takes and an apply does not.
func duplicates(t *testing.T, p *place) {
	text := strings.NewReplacer("NS", "duplicates", `image: "example.com/web:1"`, `image: "example.com/web:1", env: [{name: A, value: "1"}, {name: A, value: "2"}]`).
		Replace(things)
	objects := written(t, text)
	p.bring(t, objects, apply.Options{Policy: apply.ForceExisting})
	env := func() int {
		containers, _, _ := unstructured.NestedSlice(p.get(t, "deployments.v1.apps", "duplicates", "one").Object, "spec", "template", "spec", "containers")
		return len(containers[0].(map[string]any)["env"].([]any))
	}
	if env() != 2 {
		t.Errorf("%d of 2 variables came back", env())
	}
	wantLines(t, lines(p.plan(t, objects, apply.Options{Policy: apply.ForceExisting})))
	p.edit(t, "deployments.v1.apps", "duplicates", "one", set(int64(1), "spec", "minReadySeconds"))
	wantLines(t, lines(p.plan(t, objects, apply.Options{Policy: apply.ForceExisting})), "blocked deployments.apps/one|113482|policy replace would do")
	wantLines(t, lines(p.plan(t, objects, apply.Options{})), "skip deployments.apps/one|: spec.minReadySeconds:")
	plan := p.plan(t, objects, apply.Options{Policy: apply.ReplaceExisting})
	wantLines(t, lines(plan), "replace deployments.apps/one|: spec.minReadySeconds")
	p.run(t, plan)
	if env() != 2 {
		t.Errorf("%d of 2 variables are left", env())
	}
}

// moves are changes between a plan and its run.
func moves(t *testing.T, p *place) {
	objects := written(t, things, "NS", "moves")
	p.bring(t, objects, apply.Options{})
	for _, policy := range []apply.Policy{apply.ForceExisting, apply.ReplaceExisting} {
		t.Run(string(policy), func(t *testing.T) {
			changed := written(t, things, "NS", "moves", "text: a", "text: "+string(policy), "replicas: 0", "minReadySeconds: 2",
				"a: b", "a: "+string(policy), "app: web}, ports", "app: "+string(policy)+"}, ports")
			p.delete(t, "secrets", "moves", "one")
			plan := p.plan(t, changed, apply.Options{Policy: policy})
			p.edit(t, "configmaps", "moves", "one", set("meanwhile", "data", "mode"))
			p.delete(t, "configmaps", "moves", "same")
			p.make(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: one, namespace: moves}\ndata: {a: Yg==}\n")
			p.edit(t, "services", "moves", "one", func(o *unstructured.Unstructured) { o.SetLabels(map[string]string{"meanwhile": string(policy)}) })
			// A controller that writes status does not count.
			o := p.get(t, "deployments.v1.apps", "moves", "one")
			set(int64(7), "status", "observedGeneration")(o)
			_, err := p.at("deployments.v1.apps", "moves").UpdateStatus(stuck(t), o, metav1.UpdateOptions{})
			must(t, err)

			result, err := plan.Run(stuck(t))
			must(t, err)
			var got []string
			for _, o := range result.Failed() {
				got = append(got, o.String())
			}
			wantLines(t, got, "configmaps/one|: moved: it is not as it was", "configmaps/same|: moved: somebody has deleted it",
				"create secrets/one|: moved: somebody has made it", "services/one|: moved: it is not as it was")
			data, _, _ := unstructured.NestedStringMap(p.get(t, "configmaps", "moves", "one").Object, "data")
			if data["mode"] != "meanwhile" || data["text"] == string(policy) {
				t.Errorf("the change was overwritten: %v", data)
			}
			if _, err := p.at("configmaps", "moves").Get(stuck(t), "same", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				t.Errorf("what was deleted is there: %v", err)
			}
			if n, _, _ := unstructured.NestedInt64(p.get(t, "deployments.v1.apps", "moves", "one").Object, "spec", "minReadySeconds"); n != 2 {
				t.Error("the Deployment was not changed, though only its status was another")
			}
			p.bring(t, changed, apply.Options{Policy: policy}) // another plan finds the rest
			wantLines(t, lines(p.plan(t, changed, apply.Options{Policy: policy})))
		})
	}
}
