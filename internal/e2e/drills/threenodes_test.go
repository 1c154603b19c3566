package drills

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/kubecluster"
	"github.com/clustersnap/clustersnap/kubeadm/aftermath"
)

// BenchmarkThreeNodes loses two of three control planes, and with them the quorum. The third is restored, one of the two comes
// back with its old data and one as an empty machine, and both join by the commands that are printed. Then the two change
// roles, and the one that has its data is fenced while it runs. Three nodes take their time to start, so that CI does not run
// it; make drill does.
func BenchmarkThreeNodes(b *testing.B) {
	b.Setenv("CGO_ENABLED", "0")
	program := command.Build(b, "../../../examples", "./clustersnap")
	for b.Loop() {
		s := NewScene(b, kubecluster.Start(b, kubecluster.Options{Nodes: 3}))
		s.Node.Install(b, program)
		backUpByCommand(b, s)
		cp2, cp3 := s.Cluster.Nodes[1], s.Cluster.Nodes[2]
		quorumLost(b, s, cp2, cp3)
		oneLost(b, s, cp3, cp2)
	}
	b.ReportMetric(0, "ns/op") // with the start of the cluster
}

var restoreOne = []string{
	"clustersnap", "restore", ourSet, "--identity", ourKey, "--yes", "--cri", "/run/containerd/containerd.sock", "--settle", "0s",
}

// quorumLost has both others lose power. The one that is intact begins with its old data when it comes back, and its kubelet
// sees no API server.
func quorumLost(b *testing.B, s *Scene, intact, empty *kubecluster.Node) {
	afterTheBackup(b, s)
	refusedBesides(b, s.Node, restoreOne, []*kubecluster.Node{intact, empty})
	wipe(b, empty)
	h := &hand{cluster: s.Cluster, round: "quorum-lost"}
	start := time.Now()
	h.restore(b, s)
	h.print(b, s, empty)
	bootWithEtcd(b, intact)
	must(b, empty.Boot(b.Context()))
	h.do(b, "fence")
	h.do(b, "join")
	h.good(b, s, start)
}

// oneLost has the empty one lose power, and puts the whole cluster back nevertheless: the intact one is fenced while it runs.
// Then the first one is booted, too, and finds itself alone.
func oneLost(b *testing.B, s *Scene, intact, empty *kubecluster.Node) {
	s.Node.Output(b, "clustersnap", "restore", "prune", "--older-than", "0s")
	afterTheBackup(b, s)
	must(b, empty.PowerCut())
	wipe(b, empty)
	h := &hand{cluster: s.Cluster, round: "one-lost"}
	start := time.Now()
	h.print(b, s, empty)
	h.do(b, "fence")
	must(b, s.Node.PowerCut())
	bootWithEtcd(b, s.Node)
	h.restore(b, s)
	must(b, empty.Boot(b.Context()))
	h.do(b, "join")
	h.good(b, s, start)
}

// afterTheBackup makes what the restore takes away. The pod is on any of the nodes.
func afterTheBackup(b *testing.B, s *Scene) {
	b.Helper()
	mark(b, s.Cluster.Kubernetes(b), "after")
	s.startPod(b, "later")
}

// bootWithEtcd boots a node, and waits until it has begun with its old data.
func bootWithEtcd(b *testing.B, n *kubecluster.Node) {
	b.Helper()
	must(b, n.Boot(b.Context()))
	until(b, func(context.Context) error {
		pids, err := n.Running("etcd")
		if err == nil && len(pids) == 0 {
			err = fmt.Errorf("etcd does not run on %s yet", n.Name)
		}
		return err
	})
}

// refusedBesides has the others end one after the other: as long as one of them answers, nothing is restored.
func refusedBesides(b *testing.B, n *kubecluster.Node, restore []string, others []*kubecluster.Node) {
	b.Helper()
	for _, other := range others {
		cmd := n.Enter(b.Context(), restore...)
		o := command.Of(b, cmd, cmd.Run)
		if o.Code != 1 || !strings.Contains(o.Stderr, "still answers at https://10.77.0.1") {
			b.Fatalf("while %s runs: exit %d, %s\n%s", other.Name, o.Code, o.Stderr, o.Stdout)
		}
		must(b, other.PowerCut())
	}
}

// wipe makes a machine without power one that has nothing of the cluster.
func wipe(b *testing.B, n *kubecluster.Node) {
	b.Helper()
	for _, dir := range []string{"etc/kubernetes", "var/lib/kubelet", "var/lib/etcd"} {
		must(b, os.RemoveAll(filepath.Join(n.Root, dir)))
	}
}

// hand types what is printed.
type hand struct {
	cluster *kubecluster.Cluster
	round   string
	plan    string
	printed map[string]string // by what stands for it in commands
}

// restore puts the first node back.
func (h *hand) restore(b *testing.B, s *Scene) {
	b.Helper()
	out, took := on(b, s.Node, restoreOne...)
	h.metric(b, "restore-s", took.Seconds())
	if !strings.Contains(out, "others    cp2, cp3: ") && !strings.Contains(out, "others    cp3, cp2: ") {
		b.Error("it does not say that there are others")
	}
}

// print has the commands for the other nodes printed, of which one is empty.
func (h *hand) print(b *testing.B, s *Scene, empty *kubecluster.Node) {
	b.Helper()
	h.plan, _ = on(b, s.Node, "clustersnap", "restore", "others", ourSet, "--identity", ourKey, "--empty", empty.Name)
	h.printed = map[string]string{}
}

func (h *hand) metric(b *testing.B, name string, value float64) {
	b.ReportMetric(value, h.round+"/"+name)
}

// printedForms find in what a command says the value that later ones need.
var printedForms = map[string]*regexp.Regexp{
	"'<member-id>'":       regexp.MustCompile(`Member +([0-9a-f]+) added`),
	"'<token>'":           regexp.MustCompile(`(?m)^([a-z0-9]{6}\.[a-z0-9]{16})$`),
	"'<certificate-key>'": regexp.MustCompile(`(?m)^([0-9a-f]{64})$`),
}

var headForm = regexp.MustCompile(`^# \d+\. (\w+), on (\w+): `)

// do runs the commands of a stage as they are printed, but for what kubeadm does not like about the machines of the bed.
func (h *hand) do(b *testing.B, stage string) {
	b.Helper()
	start, count := time.Now(), 0
	var head []string
	for line := range strings.Lines(h.plan) {
		if m := headForm.FindStringSubmatch(line); m != nil {
			head = m
		}
		if head == nil || head[1] != stage || strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		line = strings.TrimSpace(line)
		for placeholder, value := range h.printed {
			line = strings.ReplaceAll(line, placeholder, value)
		}
		if strings.HasPrefix(line, "kubeadm join ") {
			line += " --ignore-preflight-errors SystemVerification,Swap,NumCPU,Mem"
		}
		count++
		out, _ := on(b, h.node(b, head[2]), "sh", "-ec", line)
		for placeholder, form := range printedForms {
			if m := form.FindStringSubmatch(out); m != nil {
				h.printed[placeholder] = m[1]
			}
		}
	}
	if count == 0 {
		b.Fatalf("no command of stage %s in\n%s", stage, h.plan)
	}
	h.metric(b, stage+"-commands", float64(count))
	h.metric(b, stage+"-s", time.Since(start).Seconds())
}

// good holds that the cluster is as it was, and works.
func (h *hand) good(b *testing.B, s *Scene, start time.Time) {
	b.Helper()
	must(b, s.Cluster.WaitReady(stuck(b)))
	h.metric(b, "all-ready-s", time.Since(start).Seconds())
	s.healthy(b)
	s.Check(b)
	s.Works(b)
	nothingToDo(b, s)
}

// nothingToDo holds that the report of the command ends with nothing to act on, but with addresses: which range the controllers
// give a node is up to them, and the plugins of the bed have one for each number.
func nothingToDo(b *testing.B, s *Scene) {
	b.Helper()
	until(b, func(context.Context) error {
		said := reported(b, s)
		left := slices.DeleteFunc(toDo(&said), func(line string) bool {
			return strings.HasPrefix(line, string(aftermath.PodAddress)+" ")
		})
		if len(left) > 0 || said.Nodes != len(s.Cluster.Nodes) {
			return fmt.Errorf("the report says %q of %d nodes", left, said.Nodes)
		}
		return nil
	})
}

func (h *hand) node(b *testing.B, name string) *kubecluster.Node {
	b.Helper()
	for _, n := range h.cluster.Nodes {
		if n.Name == name {
			return n
		}
	}
	b.Fatalf("there is no node %s", name)
	return nil
}

// healthy holds that etcd has three members that work, and that each API server writes and knows the past alone.
func (s *Scene) healthy(b *testing.B) {
	b.Helper()
	members := s.Node.Output(b, "sh", "-ec", etcdctl+"member list")
	health := s.Node.Output(b, "sh", "-ec", etcdctl+"endpoint health --cluster")
	for _, n := range s.Cluster.Nodes {
		if !strings.Contains(members, ", started, "+n.Name+", https://"+n.Address+":2380, ") {
			b.Errorf("%s is no member:\n%s", n.Name, members)
		}
		if !strings.Contains(health, "https://"+n.Address+":2379 is healthy") {
			b.Errorf("%s is not healthy:\n%s", n.Name, health)
		}
		config := s.Cluster.RESTConfig(b)
		config.Host, config.ServerName = "https://"+n.Address+":6443", "kubernetes"
		client, err := kubernetes.NewForConfig(config)
		must(b, err)
		mark(b, client, "by-"+n.Name)
		maps := client.CoreV1().ConfigMaps(namespace)
		if found, err := maps.Get(stuck(b), "before", metav1.GetOptions{}); err != nil || found.UID != s.before {
			b.Errorf("%s has another past (%v)", n.Name, err)
		}
		if _, err := maps.Get(stuck(b), "after", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			b.Errorf("%s has what came after the backup (%v)", n.Name, err)
		}
	}
	if strings.Count(members, "\n") != len(s.Cluster.Nodes) || strings.Contains(members, ", true") {
		b.Errorf("etcd's members are\n%s", members)
	}
}
