package restore

import (
	"bytes"
	"net"
	"os"
	"os/exec"
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

// kube-apiserver has not ended while a process of it runs, whatever its ports say.
func TestProcessThatDrains(t *testing.T) {
	m := resting(t)
	pod := m.plan.pods()[1]
	must(t, m.stopped(t.Context(), pod))
	sleep, err := exec.LookPath("sleep")
	must(t, err)
	program, err := os.ReadFile(sleep)
	must(t, err)
	file := filepath.Join(t.TempDir(), apiServer)
	must(t, os.WriteFile(file, program, 0o700))
	cmd := exec.Command(file, "60")
	must(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	says(t, m.stopped(t.Context(), pod), "runs it")
	must(t, os.Remove(m.manifest(pod)))
	says(t, m.untouched(t.Context()), "it was started while etcd is to run alone: kube-apiserver: process")
	must(t, cmd.Process.Kill())
	cmd.Wait()
	must(t, m.stopped(t.Context(), pod))
}

// Where its end could not be seen nothing is begun.
func TestEndThatIsNotSeen(t *testing.T) {
	m := resting(t)
	own, err := os.Readlink("/proc/self/ns/pid")
	must(t, err)
	_, c := newRuntime(t)
	if seen := own == firstNamespace; seen != (m.seeing(m.plan) == nil) {
		t.Errorf("all processes are seen: %v, and it says %v", seen, m.seeing(m.plan))
	}
	m.host.Containers = c
	must(t, m.seeing(m.plan))
	if !seesProcesses("/") {
		t.Error("the node's own processes are not seen")
	}
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
