package diffs

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/clustersnap/clustersnap/internal/e2e/differences"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
)

// onlyShop leaves out what the tests have not made, and what is made of what they have: claims of a StatefulSet, and who is
// bound to whom.
var onlyShop = []diff.Rule{
	{Namespace: "kube-*"}, {Namespace: "default"}, {Group: "rbac.authorization.k8s.io", Name: "kubeadm:*"},
	{Resource: "persistentvolumeclaims", Name: "data-db-*"}, {Manager: "kube-controller-manager"},
}

// Manifests that people have written, against the cluster that they were applied to, and then to what becomes of both.
func TestWrittenAgainstLive(t *testing.T) {
	p := newPlace(t)
	p.apply(t)

	t.Run("what was applied is the same", func(t *testing.T) {
		changes, summary := compare(t, p.files(t, p.cluster), p.live(), diff.Options{Ignore: onlyShop, Owners: p.cluster})
		differences.Want(t, changes)
		if summary.Same < 25 || diff.ExitCode(summary, nil) != 0 {
			t.Errorf("the summary is %+v", *summary)
		}
		if summary.LeftOut[manifests.Bootstrap] < 100 {
			t.Errorf("of what the control plane makes, %d objects are counted", summary.LeftOut[manifests.Bootstrap])
		}
		if out, code := p.kubectl(t, "diff", "--recursive", "--filename", p.dir); code != 0 {
			t.Errorf("kubectl diff ends with %d:\n%s", code, out)
		}
	})

	t.Run("without a server defaults differ", func(t *testing.T) {
		changes, _ := compare(t, p.files(t, nil), p.live(), diff.Options{Ignore: onlyShop, Owners: p.cluster})
		if got := strings.Join(differences.Lines(changes), "\n"); !strings.Contains(got, "deployments.apps/web -n shop changed spec.progressDeadlineSeconds added") {
			t.Errorf("the changes are\n%s", got)
		}
	})

	t.Run("a Secret that the server refuses", func(t *testing.T) {
		const right, wrong = "stringData: {password: hunter1}", "data: {password: {hunter1: hunter1}}"
		p.edit(t, "shop/config.yaml", right, wrong)
		changes, summary := compare(t, p.files(t, p.cluster), p.live(), diff.Options{Ignore: onlyShop, Owners: p.cluster})
		differences.Want(t, changes, "secrets/password -n shop failed: read side a: shop/config.yaml:1 item 2: "+
			"the server does not take this Secret (code 500), and what it says may show values")
		if diff.ExitCode(summary, nil) != 2 {
			t.Errorf("the summary is %+v", *summary)
		}
		p.edit(t, "shop/config.yaml", wrong, right)
	})

	t.Run("what changed on both sides", func(t *testing.T) { p.moved(t) })
}

// patch changes a live object as another manager would.
func (p *place) patch(t *testing.T, r schema.GroupVersionResource, name, manager, patch string, subresources ...string) {
	t.Helper()
	_, err := p.client.Resource(r).Namespace("shop").Patch(stuck(t), name, types.StrategicMergePatchType, []byte(patch),
		metav1.PatchOptions{FieldManager: manager}, subresources...)
	must(t, err)
}

var (
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	configMaps  = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	secrets     = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
)

// moved changes files and cluster, and looks at what is told of it.
func (p *place) moved(t *testing.T) {
	// People change files and do not apply them.
	p.edit(t, "shop/workloads.yaml", "example.org/agent:1", "example.org/agent:2")
	p.edit(t, "shop/workloads.yaml", "matchLabels: {app: db}", "matchLabels: {app: db, tier: data}") // which can't be changed
	p.edit(t, "shop/workloads.yaml", "metadata: {labels: {app: db}}", "metadata: {labels: {app: db, tier: data}}")
	p.edit(t, "shop/network.yaml", "ports: [{port: 80, nodePort: 30080}]", "ports: [{port: 80, nodePort: 30081}]")
	p.edit(t, "shop/gadget.json", "9007199254740993", "9007199254740992")
	must(t, os.WriteFile(filepath.Join(p.dir, "new.yaml"),
		[]byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: never-applied, namespace: nowhere}\n"), 0o600))
	// Others change the cluster, and write nothing.
	p.patch(t, deployments, "web", "somebody", `{"spec":{"template":{"spec":{"containers":[
		{"name":"app","env":[{"name":"DEBUG","value":"1"}]},{"name":"sidecar","image":"example.org/sidecar:1"}]}}}}`)
	p.patch(t, deployments, "web", "autoscaler", `{"spec":{"replicas":4}}`, "scale")
	p.patch(t, secrets, "password", "somebody", `{"stringData":{"password":"hunter2"}}`)
	forgotten := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "forgotten"},
	}}
	_, err := p.client.Resource(configMaps).Namespace("shop").Create(stuck(t), forgotten, metav1.CreateOptions{})
	must(t, err)

	rules := append([]diff.Rule{{Manager: "autoscaler"}}, onlyShop...)
	changes, summary := compare(t, p.files(t, p.cluster), p.live(), diff.Options{Ignore: rules, Owners: p.cluster})
	differences.Want(t, changes,
		"configmaps/never-applied -n nowhere removed",
		"configmaps/forgotten -n shop added",
		"daemonsets.apps/agent -n shop changed spec.template.spec.containers[name=agent].image changed",
		"deployments.apps/web -n shop changed spec.template.spec.containers[name=app].env[name=DEBUG] added",
		"deployments.apps/web -n shop changed spec.template.spec.containers[name=sidecar] added",
		"gadgets.example.org/lamp -n shop changed spec.count changed",
		"secrets/password -n shop changed data.password changed",
		"services/outside -n shop changed spec.ports[port=80,protocol=TCP].nodePort changed",
		"statefulsets.apps/db -n shop changed spec.selector.matchLabels.tier removed",
		"statefulsets.apps/db -n shop changed spec.template.metadata.labels.tier removed",
	)
	if diff.ExitCode(summary, nil) != 1 {
		t.Errorf("the summary is %+v", *summary)
	}
	changes, _ = compare(t, p.files(t, p.cluster), p.live(), diff.Options{Ignore: onlyShop, Owners: p.cluster})
	if got := strings.Join(differences.Lines(changes), "\n"); !strings.Contains(got, "deployments.apps/web -n shop changed spec.replicas changed") {
		t.Errorf("without the rule the changes are\n%s", got)
	}
	p.witness(t, changes)
	asJSON, err := json.Marshal(changes)
	must(t, err)
	for _, value := range []string{"hunter", "aHVudGVy"} {
		if strings.Contains(unified(t, changes)+string(asJSON), value) {
			t.Errorf("%s of the Secret is shown", value)
		}
	}
}

// witness holds the changes against kubectl diff, which sees what an apply would change, and nothing if an object would be
// refused.
func (p *place) witness(t *testing.T, changes []*diff.Change) {
	t.Helper()
	must(t, os.Remove(filepath.Join(p.dir, "new.yaml"))) // the namespace of which is missing: it goes no further then
	out, code := p.kubectl(t, "diff", "--recursive", "--filename", p.dir)
	if code < 2 || !strings.Contains(out, "field is immutable") {
		t.Errorf("kubectl diff does not refuse what can't be changed: it ends with %d\n%s", code, out)
	}
	p.edit(t, "shop/workloads.yaml", "matchLabels: {app: db, tier: data}", "matchLabels: {app: db}")
	out, code = p.kubectl(t, "diff", "--recursive", "--filename", p.dir)
	if code != 1 {
		t.Errorf("kubectl diff ends with %d:\n%s", code, out)
	}
	text := unified(t, changes)
	lines := 0
	for line := range strings.Lines(out) {
		field := strings.TrimSpace(line[1:])
		if strings.HasPrefix(line, "+++") || strings.HasPrefix(line, "---") || strings.Contains(field, "generation: ") {
			continue
		}
		if line[0] != '+' && line[0] != '-' {
			continue
		}
		lines++
		// Its from is our b, the cluster; and it shows masks of its own.
		mark := map[byte]string{'+': "-", '-': "+"}[line[0]]
		if field = strings.TrimPrefix(field, "- "); strings.Contains(field, "***") {
			continue
		}
		found := false
		for ours := range strings.Lines(text) {
			found = found || strings.HasPrefix(ours, mark) && strings.Contains(ours, field)
		}
		if !found {
			t.Errorf("kubectl diff has %q, and we have not", line)
		}
	}
	if lines < 6 {
		t.Errorf("kubectl diff shows little:\n%s", out)
	}
	if strings.Contains(out, "DEBUG") || strings.Contains(out, "forgotten") {
		t.Errorf("kubectl diff sees what it did not before, so the documentation has to change:\n%s", out)
	}
}
