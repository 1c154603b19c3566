package applies

import (
	"context"
	"strings"
	"testing"

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

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: one, namespace: blocked}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "example.com/web:1"}]}
`

const taken = `apiVersion: v1
kind: Service
metadata: {name: taken, namespace: default}
spec: {type: NodePort, ports: [{port: 80, nodePort: 30050}]}
`

// secret is one whose flow of metadata ends with the text, or goes on after it.
func secret(text string) string {
	return "apiVersion: v1\nkind: Secret\nmetadata: {name: " + text + "}\n"
}

// blocked are all the reasons for which an object can't be brought back.
func blocked(t *testing.T, p *place) {
	const head = "apiVersion: v1\nkind: Namespace\nmetadata: {name: blocked}\n---\n"
	p.make(t, head+strings.ReplaceAll(map1, "NS", "blocked")+`---
apiVersion: v1
kind: ResourceQuota
metadata: {name: few, namespace: blocked}
spec: {hard: {count/secrets: "0"}}
---
`+deployment+`---
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
`+taken+`---
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
	for name, c := range map[string]struct{ text, says string }{
		"kind that is not served": {
			"apiVersion: none.example.com/v1\nkind: Thing\nmetadata: {name: one}\n", "does not serve Thing of none.example.com/v1",
		},
		"version that is not served": {
			"apiVersion: batch/v2alpha1\nkind: CronJob\nmetadata: {name: one, namespace: blocked}\n",
			"it was saved as batch/v2alpha1, which the cluster does not serve; CronJob",
		},
		"no such namespace":   {strings.ReplaceAll(map1, "NS", "nowhere"), "there is no namespace nowhere: bring it back as well"},
		"namespace that ends": {strings.ReplaceAll(map1, "NS", "ending"), "its namespace is being deleted"},
		"object that goes": {
			strings.NewReplacer("NS", "blocked", "one", "going").Replace(map1), "being deleted: wait until it is gone",
		},
		"namespace that goes": {
			"apiVersion: v1\nkind: Namespace\nmetadata: {name: ending}\n", "being deleted: wait until it is gone",
		},
		"immutable field":  {strings.ReplaceAll(deployment, "app: web", "app: other"), "field is immutable"},
		"immutable Secret": {secret("fixed, namespace: default}\nimmutable: true\ndata: {password: b3RoZXJvbmU="), "immutable"},
		"quota":            {secret("more, namespace: blocked"), "exceeded quota: few"},
		"node port taken":  {strings.ReplaceAll(taken, "taken", "other"), "port is already allocated"},
		"webhook that does not answer": {`apiVersion: batch/v1
kind: CronJob
metadata: {name: one, namespace: default}
spec:
  schedule: "0 3 * * *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}}
`, "failed calling webhook"},
		"unknown field":          {strings.ReplaceAll(map1, "NS", "default") + "shape: round\n", `unknown field "shape"`},
		"wrong type in a Secret": {secret("odd, namespace: default}\ndata: {password: [swordfish]"), "cannot unmarshal"},
		"no namespace":           {strings.ReplaceAll(map1, ", namespace: NS", ""), "no metadata.namespace"},
		"a namespace too much": {
			"apiVersion: v1\nkind: Namespace\nmetadata: {name: odd, namespace: default}\n", "which its kind does not",
		},
		"a path for a name":      {strings.NewReplacer("NS", "default", "one", "../one").Replace(map1), "no server takes its name"},
		"a path for a namespace": {strings.ReplaceAll(map1, "NS", ".."), "no server takes its name or namespace"},
		"invalid":                {strings.NewReplacer("NS", "default", "one", "'Not a name'").Replace(map1), "Invalid value"},
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
	wantLines(t, lines(plan), "blocked configmaps/one|cannot patch", "create configmaps/two",
		"blocked secrets/one|cannot get", "blocked persistentvolumeclaims/one|cannot get")
	plan, err = cluster.Plan(stuck(t), objects[:2], apply.Options{})
	must(t, err)
	wantLines(t, lines(plan), "skip configmaps/one|: data.a: the cluster has another", "create configmaps/two")
	result, err := plan.Run(stuck(t))
	must(t, err)
	if !result.Complete() {
		t.Errorf("%v", result.Failed())
	}
}
