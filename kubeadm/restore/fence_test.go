package restore

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/kubeadm"
)

// resting is a machine whose control plane has stopped.
func resting(t *testing.T) *machine {
	t.Helper()
	root, node := newNode(t)
	plan := New(node, noon, lone)
	return &machine{
		journal: &journal{record: record{plan: plan}}, at: plan.places(root), host: Host{Root: root, Limit: time.Second},
	}
}

// A manifest counts under whatever name it comes back, and whatever of the rest is there.
func TestFencedUnderAnotherName(t *testing.T) {
	m := resting(t)
	copied := filepath.Join(m.at.dir, "another")
	must(t, os.Rename(m.manifest(m.plan.pods()[1]), copied))
	says(t, m.fenced(apiServer), "it runs kube-apiserver")
	must(t, os.Remove(copied))
	must(t, m.fenced(apiServer)) // etcd's is there
	must(t, os.Remove(m.manifest(m.plan.pods()[0])))
	must(t, m.fenced(programs()...))

	must(t, os.Symlink("nothing", copied))
	if err := m.fenced(programs()...); err == nil {
		t.Error("a link to nothing ends the search without a word")
	}
	must(t, os.RemoveAll(m.at.dir))
	must(t, m.fenced(programs()...))
}

// A program is looked for where its manifest says.
func TestPortsOfTheManifests(t *testing.T) {
	root, _ := newNode(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, err)
	manifest := filepath.Join(root, "etc/kubernetes/manifests/kube-apiserver.yaml")
	text, err := os.ReadFile(manifest)
	must(t, err)
	moved := bytes.Replace(text, []byte("--secure-port=6443"), []byte("--secure-port="+port), 1)
	if bytes.Equal(text, moved) {
		t.Fatal("the manifest has no --secure-port=6443")
	}
	must(t, os.WriteFile(manifest, moved, 0o600))
	node, err := kubeadm.Read(kubeadm.NodeFS(root), kubeadm.Options{})
	must(t, err)
	plan := New(node, noon, lone)
	m := &machine{journal: &journal{record: record{plan: plan}}, at: plan.places(root), host: Host{Root: root}}
	says(t, m.stopped(t.Context(), plan.pods()[1]), "something listens at 127.0.0.1:"+port)
}

// A port that could not be asked for is none that is closed.
func TestPortThatCannotBeAsked(t *testing.T) {
	state, err := ask(t.Context(), "127.0.0.1:1")
	if err != nil || state != closed {
		t.Errorf("a closed port is %v: %v", state, err)
	}
	m := resting(t)
	m.plan.Node.Programs[1].Serves.Value = "no-such-host.invalid:1"
	says(t, m.stopped(t.Context(), m.plan.pods()[1]), "ask whether somebody listens at no-such-host.invalid:1")
}
