package rehosts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/etcdsnap/restore"
	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/kubeadm/rehost"
)

// stableEndpoint is what kubeadm join wants of a cluster with several control planes.
const stableEndpoint = "controlPlaneEndpoint: \"10.77.0.11:6443\"\n"

// Three control planes are put back in time: one by a snapshot, one joins it as it is, and one is an empty machine now. A
// fourth member is of a machine that is no more.
func TestJoins(t *testing.T) {
	ctx := trial.Context(t)
	first := bed.ControlPlane(t, bed.Options{Members: 3})
	second, third := first.Members[1], first.Members[2]
	for _, n := range first.Members {
		addNode(ctx, t, first, n.Name, n.Address, controlPlane)
	}
	addNode(ctx, t, first, "w1", "10.77.0.21", map[string]string{"example.org/disk": "fast"})
	config := configOf(cp1, false) + stableEndpoint
	kubeadmRun(t, first, first.Root, config, "init", "phase", "upload-config", "all")
	kubeadmRun(t, first, first.Root, config, "init", "phase", "bootstrap-token")
	grow(ctx, t, second)
	hide(ctx, t, first)
	snapshot, objects := snapshotOf(ctx, t, first), objectsOf(t, first)

	others := []rehost.Other{
		{Name: "cp2", State: rehost.Intact}, {Name: "cp3", State: rehost.Empty}, {Name: "w1", State: rehost.Gone},
	}
	plan, err := rehost.Join(objects, cp1, cp1, others, nil, time.Now())
	must(t, err)
	printsOthers(t, first, plan)
	c := &commands{nodes: map[string]*bed.Node{"cp1": first, "cp2": second, "cp3": third}, printed: map[string]string{}}
	c.run(ctx, t, plan, "fence")
	stop(ctx, t, third, "etcd")
	restoreInPlace(ctx, t, first, snapshot)
	must(t, first.WaitEtcd(ctx))
	must(t, first.WaitAPI(ctx))

	client := first.EtcdClient(t)
	_, err = client.MemberAddAsLearner(ctx, []string{"https://10.77.0.50:2380"})
	must(t, err)
	if plan, err = rehost.Join(objectsOf(t, first), cp1, cp1, others, membersOf(ctx, t, client), time.Now()); err != nil {
		t.Fatal(err)
	}
	c.run(ctx, t, plan, "join")

	must(t, second.WaitEtcd(ctx))
	must(t, second.WaitAPI(ctx))
	found(ctx, t, second)
	var names []string
	members, err := client.MemberList(ctx)
	must(t, err)
	for _, m := range members.Members {
		if m.IsLearner {
			t.Errorf("%s is a learner yet", m.Name)
		}
		names = append(names, m.Name)
	}
	if slices.Sort(names); fmt.Sprint(names) != "[cp1 cp2]" {
		t.Errorf("members %v", names)
	}
	nodes, err := first.Kubernetes(t).CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	must(t, err)
	if names = nil; len(nodes.Items) != 2 || nodes.Items[0].Name != "cp1" || nodes.Items[1].Name != "cp2" {
		t.Errorf("nodes %v", nodes.Items)
	}
	signed(ctx, t, first, c.printed[rehost.Token])
	c.joins(t, third)
}

// printsOthers holds that the command prints the plan from a backup alone, and that a restore says so.
func printsOthers(t *testing.T, node *bed.Node, plan *rehost.Plan) {
	t.Helper()
	recipient, key := command.KeyPair(t)
	set := filepath.Join(t.TempDir(), "cp1")
	command.Good(t, command.RunOn(t, node, "backup", "--etcd-only", "--root", node.Root, "--to", set, "--recipient", recipient))
	o := command.Good(t, command.RunOn(t, node, "restore", set, "--identity", key, "--root", node.Root, "--kubelet", ""))
	if !strings.Contains(o.Stdout, `"clustersnap restore others" prints how`) {
		t.Errorf("a restore does not say how others join:\n%s", o.Stdout)
	}
	args := []string{"restore", "others", set, "--identity", key, "--empty", "cp3", "--gone"}
	command.Bad(t, command.Run(t, "", append(args, "w2")...), 1, "the backup has no Node w2")
	o = command.Run(t, "", append(args, "w1", "-o", "json")...)
	var printed rehost.Plan
	if err := json.Unmarshal([]byte(o.Stdout), &printed); err != nil || o.Code != 0 || o.Stderr != "" {
		t.Fatalf("exit %d: %s (%v)", o.Code, o.Stderr, err)
	}
	if !reflect.DeepEqual(printed.Steps, plan.Steps) {
		t.Errorf("printed\n%v\nwant\n%v", &printed, plan)
	}
	rest := command.Run(t, "", append(args, "w1")...).Stdout
	for i, s := range plan.Steps {
		want := fmt.Sprintf("\n# %d. %s, on %s: %s\n# %s\n%s\n", i+1, s.Stage, s.Where, s.Do, s.Why, s.Shell())
		_, after, ok := strings.Cut(rest, want)
		if !ok {
			t.Fatalf("step %d is not in\n%s", i+1, rest)
		}
		rest = "\n" + after
	}
}

// grow makes the node, which has etcd alone, a whole control plane.
func grow(ctx context.Context, t *testing.T, node *bed.Node) {
	t.Helper()
	config := strings.NewReplacer(`"cp1"`, `"`+node.Name+`"`, `{advertiseAddress: "10.77.0.11"}`,
		`{advertiseAddress: "`+node.Address+`"}`).
		Replace(configOf(cp1, false) + stableEndpoint)
	for _, phase := range []string{"kubeconfig all", "control-plane all"} {
		kubeadmRun(t, node, node.Root, config, append([]string{"init", "phase"}, strings.Fields(phase)...)...)
	}
	// kubeadm makes it on the first node alone, and the bed looks for it; here it is to ask its own node.
	file := filepath.Join(node.Root, "etc/kubernetes/super-admin.conf")
	text, err := os.ReadFile(file)
	must(t, err)
	must(t, os.WriteFile(file, []byte(strings.Replace(string(text), "10.77.0.11", node.Address, 1)), 0o600))
	must(t, node.WaitAPI(ctx))
}

// restoreInPlace gives the node the snapshot's data under its own name.
func restoreInPlace(ctx context.Context, t *testing.T, node *bed.Node, snapshot string) {
	t.Helper()
	kept := manifestsOf(t, node.Root)
	for _, pod := range []string{"kube-controller-manager", "kube-apiserver", "etcd"} {
		stop(ctx, t, node, pod)
	}
	restoreTo(ctx, t, snapshot, node.Root, cp1, restore.Options{MoveAside: true})
	for _, f := range kept {
		put(t, node.Root, filepath.Join(manifestDir, f.Path), f.Data)
	}
}

func membersOf(ctx context.Context, t *testing.T, client *clientv3.Client) (members []rehost.Member) {
	t.Helper()
	list, err := client.MemberList(ctx)
	must(t, err)
	for _, m := range list.Members {
		members = append(members, rehost.Member{ID: m.ID, Name: m.Name, PeerURL: m.PeerURLs[0]})
	}
	return members
}

// commands does what an administrator would: each command on its node. Nodes of the bed have no container to exec into and no
// kubelet to restart, and their files are below a root; all else is done as it stands in the plan.
type commands struct {
	nodes   map[string]*bed.Node
	printed map[string]string
	join    *rehost.Step
}

func (c *commands) run(ctx context.Context, t *testing.T, plan *rehost.Plan, stage string) {
	t.Helper()
	count := 0
	for _, s := range plan.Steps {
		if s.Stage != stage {
			continue
		}
		count++
		switch {
		case s.Command[0] == "kubeadm" && s.Command[1] == "join":
			c.join = &s
		case s.Command[0] != "systemctl":
			c.do(ctx, t, s)
		}
	}
	if count == 0 {
		t.Fatalf("no step of stage %s in\n%v", stage, plan)
	}
}

func (c *commands) do(ctx context.Context, t *testing.T, s rehost.Step) {
	t.Helper()
	node := c.nodes[s.Where]
	cmd := c.command(ctx, t, s.Command, node.Root)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := node.Run(cmd); err != nil {
		t.Fatalf("on %s: %s: %v\n%s", s.Where, s.Shell(), errors.Join(err, ctx.Err()), &out)
	}
	c.remember(t, s, out.String())
}

// command is one of the plan, with the files below a root.
func (c *commands) command(ctx context.Context, t *testing.T, args []string, root string) *exec.Cmd {
	t.Helper()
	args = slices.Clone(args)
	for i, arg := range args {
		if value, ok := c.printed[arg]; ok {
			args[i] = value
		}
	}
	if args[0] == "kubeadm" {
		return exec.CommandContext(ctx, peers.Kubeadm.Path(t), append(args[1:], "--rootfs", root)...)
	}
	for i, arg := range args {
		args[i] = below.ReplaceAllString(arg, "${1}"+root+"$2")
	}
	if at := slices.Index(args, "kubectl"); at >= 0 {
		args[at] = peers.Kubectl.Path(t)
		if etcdctl := slices.Index(args, "etcdctl"); etcdctl > 0 { // what kubectl would execute
			args = append(append(args[:at], peers.EtcdCtl37.Path(t)), args[etcdctl+1:]...)
		}
	}
	return exec.CommandContext(ctx, args[0], args[1:]...)
}

// below finds paths of a node at the beginning of a value.
var below = regexp.MustCompile(`^(|--[a-z-]+=)(/(?:etc|var)/)`)

var (
	memberForm = regexp.MustCompile(`Member +([0-9a-f]+) added`)
	tokenForm  = regexp.MustCompile(`(?m)^[a-z0-9]{6}\.[a-z0-9]{16}$`)
	keyForm    = regexp.MustCompile(`(?m)^[0-9a-f]{64}$`)
)

func (c *commands) remember(t *testing.T, s rehost.Step, out string) {
	t.Helper()
	value := ""
	switch s.Prints {
	case "":
		return
	case rehost.MemberID:
		if m := memberForm.FindStringSubmatch(out); m != nil {
			value = m[1]
		}
	case rehost.Token:
		value = tokenForm.FindString(out)
	case rehost.CertificateKey:
		value = keyForm.FindString(out)
	}
	if value == "" {
		t.Fatalf("%s printed no %s:\n%s", s.Shell(), s.Prints, out)
	}
	c.printed[s.Prints] = value
}

// signed waits until the controllers have signed cluster-info with a token: a dry run of kubeadm takes another token if it
// comes before.
func signed(ctx context.Context, t *testing.T, node *bed.Node, token string) {
	t.Helper()
	id, _, _ := strings.Cut(token, ".")
	node.Output(t, exec.CommandContext(ctx, peers.Kubectl.Path(t), "--kubeconfig", filepath.Join(node.Root,
		"etc/kubernetes/admin.conf"), "--namespace", "kube-public",
		"wait", "--for=jsonpath={.data.jws-kubeconfig-"+id+"}", "--timeout=2m", "configmap/cluster-info"))
}

// joins has kubeadm go through the join of an empty machine, as far as that goes without a kubelet: it finds and trusts the
// cluster by the token and the hash, and opens the certificates with the key.
func (c *commands) joins(t *testing.T, node *bed.Node) {
	t.Helper()
	if c.join == nil {
		t.Fatal("no join is planned")
	}
	root := t.TempDir()
	cmd := c.command(t.Context(), t, append(c.join.Command, "--dry-run", "--ignore-preflight-errors="+strings.Join(notInTheBed,
		",")), root)
	out := node.Output(t, cmd)
	for _, want := range []string{
		"[download-certs] Downloading the certificates in Secret \"kubeadm-certs\"",
		"apiserver serving cert is signed for DNS names [cp3 ",
		"Would add etcd member: https://10.77.0.13:2380", "This node has joined the cluster and a new control plane instance " +
			"was created",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("kubeadm join does not say %q:\n%s", want, out)
		}
	}
}

// notInTheBed are kubeadm's checks of what a node of the bed does not have, or has in the network of the test.
var notInTheBed = []string{
	"CRI", "ContainerRuntimeVersion", "FileExisting-losetup", "FileExisting-mount", "FileExisting-cp", "SystemVerification",
	"KubeletVersion",
	"FileContent--proc-sys-net-ipv4-ip_forward", "ImagePull", "Port-6443", "Port-10257", "Port-10259", "Port-2379", "Port-2380",
}
