package drills

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/kubecluster"
)

// BenchmarkNewHardware loses a node for good and restores it on an empty machine of another name and address: by one command
// on the first, and by kubeadm init over a restored data directory on the second. It takes a cluster, so that CI does not run
// it; make drill does.
func BenchmarkNewHardware(b *testing.B) {
	b.Setenv("CGO_ENABLED", "0")
	program := command.Build(b, "../../../examples", "./clustersnap")
	recipient, key := command.KeyPair(b)
	for b.Loop() {
		c := kubecluster.Start(b, kubecluster.Options{Spares: 2})
		s := NewScene(b, c)
		set := filepath.Join(b.TempDir(), "cp1.clustersnap")
		s.Node.Output(b, "kubectl", "label", "node", s.Node.Name, "example.org/rack=r1")
		s.Node.Install(b, program)
		on(b, s.Node, "clustersnap", "backup", "--to", "/var/backups/cp1.clustersnap", "--recipient", recipient)
		text, err := os.ReadFile(filepath.Join(s.Node.Root, "var/backups/cp1.clustersnap"))
		must(b, err)
		must(b, os.WriteFile(set, text, 0o600))
		s.Later(b)
		byCommand(b, s, program, set, key)
		byKubeadmInit(b, s, program, set, key)
	}
}

// byCommand is the first choice.
func byCommand(b *testing.B, s *Scene, program, set, key string) {
	old, stored := s.Node, s.configuration(b)
	to := s.Cluster.Spares[0]
	file := equip(b, to, program, set, key)
	args := []string{
		"clustersnap", "restore", "host", file, "--identity", keyOnNode, "--name", to.Name, "--address", to.Address,
	}
	plan := to.Enter(b.Context(), append(args, "--yes")...)
	o := command.Of(b, plan, plan.Run)
	if o.Code != 1 || !strings.Contains(o.Stderr, "still answers at https://"+old.Address+":") {
		b.Errorf("while the old machine runs: exit %d, %s\n%s", o.Code, o.Stderr, o.Stdout)
	}
	must(b, old.PowerCut())
	s.moveTo(b, to)
	planned, _ := on(b, to, args...)
	for _, want := range []string{"cp1 at 10.77.0.11 becomes cp2 at 10.77.0.12", "nothing was done", "kubectl --kubeconfig"} {
		if !strings.Contains(planned, want) {
			b.Errorf("the plan does not say %q", want)
		}
	}
	if _, err := os.Lstat(filepath.Join(to.Root, "etc/kubernetes/pki")); err == nil {
		b.Error("a plan has made files")
	}
	start := time.Now()
	_, took := on(b, to, append(args, "--yes", "--finish", "--settle", "0s", "--cri", "/run/containerd/containerd.sock")...)
	b.ReportMetric(took.Seconds(), "command-s")
	s.moved(b, start, "host", stored)
}

// moved holds that the cluster is on the new machine alone, works, and has its past.
func (s *Scene) moved(b *testing.B, start time.Time, name, stored string) {
	b.Helper()
	s.Works(b)
	b.ReportMetric(time.Since(start).Seconds(), name+"-works-s")
	s.Check(b)
	b.ReportMetric(time.Since(start).Seconds(), name+"-ready-s")
	client := s.Cluster.Kubernetes(b)
	nodes, err := client.CoreV1().Nodes().List(stuck(b), metav1.ListOptions{})
	must(b, err)
	if len(nodes.Items) != 1 || nodes.Items[0].Name != s.Node.Name {
		b.Fatalf("there are %d Nodes, want %s alone", len(nodes.Items), s.Node.Name)
	}
	n := nodes.Items[0]
	_, ok := n.Labels["node-role.kubernetes.io/control-plane"]
	if !ok || n.Labels["example.org/rack"] != "r1" || len(n.Spec.Taints) > 0 {
		b.Errorf("the Node has labels %v and taints %v", n.Labels, n.Spec.Taints)
	}
	members := s.Node.Output(b, "sh", "-ec", etcdctl+"member list")
	if want := fmt.Sprintf(", started, %s, https://%s:2380, ", s.Node.Name, s.Node.Address); !strings.Contains(members, want) ||
		strings.Count(members, "\n") != 1 {
		b.Errorf("etcd's members are\n%s", members)
	}
	kubelet, err := os.ReadFile(filepath.Join(s.Node.Root, "etc/kubernetes/kubelet.conf"))
	must(b, err)
	if !strings.Contains(string(kubelet), "client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem") {
		b.Error("the kubelet does not use the certificate that it renews")
	}
	if text := s.configuration(b); text != stored {
		b.Errorf("the stored configuration is\n%s\nand was\n%s", text, stored)
	}
	left, err := filepath.Glob(filepath.Join(s.Node.Root, "etc/kubernetes/*rehost*"))
	if err != nil || len(left) > 0 {
		b.Errorf("left behind: %v, %v", left, err)
	}
}

// configuration is what kubeadm has stored in the cluster.
func (s *Scene) configuration(b *testing.B) string {
	b.Helper()
	maps := s.Cluster.Kubernetes(b).CoreV1().ConfigMaps(metav1.NamespaceSystem)
	config, err := maps.Get(stuck(b), "kubeadm-config", metav1.GetOptions{})
	must(b, err)
	return config.Data["ClusterConfiguration"]
}

// byKubeadmInit is the second choice. What is printed is run as it is, but for what kubeadm does not like about the machines of
// the bed.
func byKubeadmInit(b *testing.B, s *Scene, program, set, key string) {
	stored := s.configuration(b)
	to := s.Cluster.Spares[1]
	file := equip(b, to, program, set, key)
	must(b, s.Node.PowerCut())
	s.moveTo(b, to)
	args := []string{"clustersnap", "restore", "init", file, "--identity", keyOnNode, "--name", to.Name, "--address", to.Address}
	if planned, _ := on(b, to, args...); !strings.Contains(planned, "nothing was done") {
		b.Error("a plan does not say that nothing was done")
	}
	if _, err := os.Lstat(filepath.Join(to.Root, "etc/kubernetes")); err == nil {
		b.Error("a plan has made files")
	}
	start := time.Now()
	printed, _ := on(b, to, append(args, "--yes")...)
	for line := range strings.Lines(printed) {
		_, command, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !strings.HasPrefix(line, "then ") || !ok {
			continue
		}
		if strings.HasPrefix(command, "kubeadm init --config") {
			command += " --ignore-preflight-errors SystemVerification,Swap,NumCPU,Mem"
		}
		on(b, to, "sh", "-ec", command)
	}
	b.ReportMetric(time.Since(start).Seconds(), "init-commands-s")
	s.moved(b, start, "init", stored)
}

// keyOnNode is where the secret key lies on a node while it is restored.
const keyOnNode = "/opt/key.txt"

// equip gives a machine what is needed to restore: the command, the backup and its key.
func equip(t testing.TB, n *kubecluster.Node, program, set, key string) (onNode string) {
	t.Helper()
	n.Install(t, program)
	onNode = "/opt/" + filepath.Base(set)
	for name, from := range map[string]string{onNode: set, keyOnNode: key} {
		text, err := os.ReadFile(from)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(n.Root, name), text, 0o600))
	}
	return onNode
}

// on runs a command on a node, which has to succeed, and says how long it took.
func on(t testing.TB, n *kubecluster.Node, args ...string) (stdout string, took time.Duration) {
	t.Helper()
	start := time.Now()
	cmd := n.Enter(t.Context(), args...)
	o := command.Of(t, cmd, cmd.Run)
	took = time.Since(start)
	t.Logf("%6.1f s  %s\n%s%s", took.Seconds(), args[:min(3, len(args))], o.Stdout, o.Stderr)
	if o.Code != 0 {
		t.Fatalf("exit %d", o.Code)
	}
	return o.Stdout, took
}

// moveTo has a spare take the place of the node, which has no power any more.
func (s *Scene) moveTo(t testing.TB, spare *kubecluster.Node) {
	t.Helper()
	s.Cluster.Replace(t, spare)
	s.Node = spare
}
