package restore

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/kubeadm"
)

// A plan reads back from its JSON, and its text says all that it has.
func TestPlanAsJSONAndText(t *testing.T) {
	_, node := newNode(t)
	other := kubeadm.Member{Name: "cp2", PeerURLs: []string{"https://10.0.0.12:2380"}}
	plan := New(node, noon, PlanOptions{Room: 1 << 30, Members: []kubeadm.Member{other}})
	text, err := json.Marshal(plan)
	must(t, err)
	back := new(Plan)
	must(t, json.Unmarshal(text, back))
	if !reflect.DeepEqual(plan, back) {
		t.Errorf("read back is %+v, want %+v", back, plan)
	}
	var names []string
	for _, s := range plan.Steps {
		names = append(names, s.Name)
		for _, said := range append(append([]string{s.Undo}, s.Needs...), s.Does...) {
			if !strings.Contains(plan.String(), said) {
				t.Errorf("the text does not say %q", said)
			}
		}
	}
	if got, want := strings.Join(names, " "), "preflight stage fence swap etcd api controllers kubelet commit"; got != want {
		t.Errorf("the steps are %s, want %s", got, want)
	}
	// What is planned is what is done.
	m := &machine{journal: &journal{record: record{plan: plan}}}
	for i, s := range m.forward() {
		if s.name != names[i+1] {
			t.Errorf("step %d is %s, and planned is %s", i, s.name, names[i+1])
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*kubeadm.Node)
		says   string
	}{
		"k3s":        {func(n *kubeadm.Node) { n.Distribution = "k3s" }, "set up by k3s"},
		"external":   {func(n *kubeadm.Node) { n.Etcd.External = true }, "etcd runs elsewhere"},
		"no etcd":    {func(n *kubeadm.Node) { n.Programs = nil }, "no static pod of the node runs etcd"},
		"no data":    {func(n *kubeadm.Node) { n.Etcd.DataDir.Value = "" }, "data directory is not known"},
		"wal":        {func(n *kubeadm.Node) { n.Etcd.WALDir.Value = "/wal" }, "keeps its log in /wal"},
		"no name":    {func(n *kubeadm.Node) { n.Etcd.Name.Value = "" }, "not all known"},
		"no peer":    {func(n *kubeadm.Node) { n.Etcd.PeerURLs = nil }, "not all known"},
		"no clients": {func(n *kubeadm.Node) { n.Etcd.Endpoints = nil }, "not all known"},
		"elsewhere": {func(n *kubeadm.Node) {
			for i := range n.Programs {
				if n.Programs[i].Name == apiServer {
					n.Programs[i].Image.Source.File = "etc/other/kube-apiserver.yaml"
				}
			}
		}, "is not in the directory etc/kubernetes/manifests"},
	} {
		t.Run(name, func(t *testing.T) {
			root, node := newNode(t)
			c.change(node)
			plan := New(node, noon, lone)
			if len(plan.Refused) == 0 || !strings.Contains(plan.Refused[0], c.says) || len(plan.Steps) > 0 {
				t.Fatalf("refused is %q with %d steps, want %q", plan.Refused, len(plan.Steps), c.says)
			}
			if !strings.Contains(plan.String(), "refused: "+plan.Refused[0]) {
				t.Errorf("the text is %s", plan)
			}
			was := tree(t, root)
			report, err := Run(t.Context(), Host{Root: root}, plan, newSource(t))
			if report != nil || err == nil || !strings.Contains(err.Error(), plan.Refused[0]) {
				t.Errorf("run gives %v, %v", report, err)
			}
			if !reflect.DeepEqual(was, tree(t, root)) {
				t.Error("something was changed")
			}
		})
	}
}
