package rehosts

import (
	"context"
	"encoding/json"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/kubeadm/rehost"
)

func TestMain(m *testing.M) { command.Main(m) }

// The machine is lost, twice. On the next one the command brings the control plane back as it was, and on the one after that it
// prepares what kubeadm then makes a control plane of. What only a kubelet can show, the drills do.
func TestOtherHostByCommand(t *testing.T) {
	ctx := trial.Context(t)
	node := bed.ControlPlane(t, bed.Options{Encryption: true, Scheduler: true})
	addNode(ctx, t, node, "cp1", node.Address, controlPlane)
	addNode(ctx, t, node, "w1", "10.77.0.77", nil)
	kubeadmRun(t, node, node.Root, configOf(cp1, true), "init", "phase", "upload-config", "all")
	hide(ctx, t, node)
	localVolume(ctx, t, node, "cp1")
	recipient, key := command.KeyPair(t)
	set := filepath.Join(t.TempDir(), "cp1")
	command.Good(t, command.RunOn(t, node, "backup", "--etcd-only", "--root", node.Root, "--to", set, "--recipient", recipient))

	m := &machine{Node: node, args: []string{set, "--identity", key, "--root", node.Root}, address: node.Address}
	to := rehost.Host{Name: "cp-new", Address: netip.MustParseAddr("10.77.0.99")}
	for _, verb := range []string{"host", "init"} {
		command.Bad(t, m.restore(t, verb, to, "--yes"), 1, "it is no empty one")
	}
	command.Bad(t, m.restore(t, "host", to, "--yes", "--finish"), 2, "on the machine itself")
	command.Bad(t, m.restore(t, "host", rehost.Host{Name: "CP", Address: to.Address}, "--yes"), 1, "no DNS name")

	m.replace(ctx, t, to)
	m.plans(t, "host", to)
	m.failsWithoutTrace(ctx, t, to)
	o := command.Good(t, m.restore(t, "host", to, "--yes", "--kubelet", "", "--settle", "0s"))
	for _, want := range []string{
		"delete node cp1", "mark-control-plane", "volume disk (claim default/data) is local to node cp1",
		"others    join on w1: have the kubelet ask the new server", "10.77.0.99:6443", "others    join on w1: restart the kubelet",
	} {
		if !strings.Contains(o.Stdout, want) {
			t.Errorf("it does not say %q:\n%s", want, o.Stdout)
		}
	}
	m.is(ctx, t, to)
	o = command.Good(t, m.restore(t, "host", to, "--yes", "--kubelet", "", "--settle", "0s"))
	if strings.Contains(o.Stdout, "step  ") || !strings.Contains(o.Stdout, "delete node cp1") {
		t.Errorf("called again, it does more than to say what is left:\n%s", o.Stdout)
	}
	command.Bad(t, m.restore(t, "host", rehost.Host{Name: "cp-other", Address: to.Address}), 1, "it is no empty one")

	next := rehost.Host{Name: "cp-next", Address: netip.MustParseAddr("10.77.0.98")}
	m.replace(ctx, t, next)
	m.plans(t, "init", next)
	put(t, node.Root, "etc/kubernetes/pki/sa.pub", []byte("another"))
	command.Bad(t, m.restore(t, "init", next, "--yes"), 1, "sa.pub is there, and is another one")
	must(t, os.RemoveAll(filepath.Join(node.Root, "etc/kubernetes")))
	command.Good(t, m.restore(t, "init", next, "--yes"))
	for _, phase := range []string{"certs all", "kubeconfig all", "etcd local", "control-plane all"} {
		args := append([]string{"init", "phase"}, strings.Fields(phase)...)
		kubeadmRun(t, node, node.Root, "", append(args, "--config", "/etc/kubernetes/rehost.yaml")...)
	}
	must(t, node.WaitEtcd(ctx))
	must(t, node.WaitAPI(ctx))
	m.is(ctx, t, next)
}

// machine is where the node of the bed is at the moment.
type machine struct {
	*bed.Node
	args    []string
	address string
}

func (m *machine) restore(t *testing.T, verb string, to rehost.Host, more ...string) command.Outcome {
	t.Helper()
	args := append([]string{"restore", verb}, m.args...)
	return command.RunOn(t, m, append(append(args, "--name", to.Name, "--address", to.Address.String()), more...)...)
}

// plans holds that a plan touches nothing.
func (m *machine) plans(t *testing.T, verb string, to rehost.Host) {
	t.Helper()
	o := command.Good(t, m.restore(t, verb, to))
	list, err := os.ReadDir(m.Root)
	if err != nil || len(list) > 0 || !strings.Contains(o.Stdout, "nothing was done") {
		t.Errorf("a plan of %s has made %v (%v):\n%s", verb, list, err, o.Stdout)
	}
	var told struct{ From, To rehost.Host }
	o = m.restore(t, verb, to, "-o", "json")
	if err := json.Unmarshal([]byte(o.Stdout), &told); err != nil || told.From.Name == told.To.Name || told.To.Name != to.Name {
		t.Errorf("for a program a plan of %s is from %v to %v (%v):\n%s%s", verb, told.From, told.To, err, o.Stdout, o.Stderr)
	}
	command.Bad(t, m.restore(t, verb, to, "-o", "json", "--yes"), 2, "leave --yes out")
}

// failsWithoutTrace has etcd find its port for metrics taken, and the command killed while it waits. Taken back, the machine is
// as empty as before.
func (m *machine) failsWithoutTrace(ctx context.Context, t *testing.T, to rehost.Host) {
	t.Helper()
	elsewhere := rehost.Host{Name: to.Name, Address: netip.MustParseAddr("10.77.0.55")}
	for _, verb := range []string{"host", "init"} {
		command.Bad(t, m.restore(t, verb, elsewhere, "--yes"), 1, "no interface of this machine has the address 10.77.0.55")
	}
	taken, err := m.Listen("tcp", "127.0.0.1:2381")
	must(t, err)
	defer taken.Close()
	m.kill(ctx, t, to)
	other := rehost.Host{Name: "cp-other", Address: to.Address}
	command.Bad(t, m.restore(t, "host", other), 1, "a restore of cp-new=https://10.77.0.99:2380 has not ended here")
	if o := m.restore(t, "host", to); !strings.Contains(o.Stdout, "goes on   2") {
		t.Errorf("it does not say that it goes on:\n%s", o.Stdout)
	}
	command.Good(t, command.RunOn(t, m, "restore", "undo", "--root", m.Root, "--kubelet", ""))
	var files []string
	must(t, filepath.WalkDir(m.Root, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(name, ".journal") {
			files = append(files, name)
		}
		return err
	}))
	if len(files) > 0 {
		t.Errorf("left behind are %v", files)
	}
}

// kill ends the command once it has begun to start etcd.
func (m *machine) kill(ctx context.Context, t *testing.T, to rehost.Host) {
	t.Helper()
	args := append(append([]string{"restore", "host"}, m.args...), "--name", to.Name, "--address", to.Address.String(),
		"--yes", "--kubelet", "")
	cmd := exec.Command(command.Path(t), args...)
	wait, err := m.Start(cmd)
	must(t, err)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for begun := false; !begun && ctx.Err() == nil; <-tick.C {
		names, err := filepath.Glob(filepath.Join(m.Root, "var/lib/.etcd.restore/*.journal"))
		must(t, err)
		for _, name := range names {
			text, err := os.ReadFile(name)
			must(t, err)
			begun = begun || strings.Contains(string(text), `"step":"etcd"`)
		}
	}
	must(t, cmd.Process.Kill())
	if err := wait(); err == nil {
		t.Error("the command was not killed")
	}
}

// replace takes the machine away, and gives an empty one.
func (m *machine) replace(ctx context.Context, t *testing.T, to rehost.Host) {
	t.Helper()
	lose(ctx, t, m.Node)
	must(t, os.Mkdir(m.Root, 0o755))
	m.Output(t, exec.Command("ip", "address", "delete", m.address+"/24", "dev", "br0"))
	m.address = to.Address.String()
	m.Output(t, exec.Command("ip", "address", "add", m.address+"/24", "dev", "br0"))
}

// is holds that the control plane is that of a host, and has its past.
func (m *machine) is(ctx context.Context, t *testing.T, host rehost.Host) {
	t.Helper()
	found(ctx, t, m.Node)
	url := "https://" + netip.AddrPortFrom(host.Address, 2380).String()
	members, err := m.EtcdClient(t).MemberList(ctx)
	must(t, err)
	if len(members.Members) != 1 || members.Members[0].Name != host.Name || members.Members[0].PeerURLs[0] != url {
		t.Errorf("members of etcd: %v, want %s at %s", members.Members, host.Name, url)
	}
	read, err := kubeadm.Read(kubeadm.NodeFS(m.Root), kubeadm.Options{})
	must(t, err)
	if read.Etcd.Name.Value != host.Name || read.Etcd.PeerURLs[0].Value != url {
		t.Errorf("the node says that it is %s at %s", read.Etcd.Name.Value, read.Etcd.PeerURLs[0].Value)
	}
	for _, pod := range []string{"kube-controller-manager", "kube-scheduler"} {
		must(t, m.Pods.WaitRunning(ctx, pod))
	}
}

// localVolume makes a volume on the disk of a node.
func localVolume(ctx context.Context, t *testing.T, node *bed.Node, on string) {
	t.Helper()
	volume := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "disk"}, Spec: corev1.PersistentVolumeSpec{
		Capacity:               corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")},
		AccessModes:            []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		ClaimRef:               &corev1.ObjectReference{Namespace: "default", Name: "data"},
		PersistentVolumeSource: corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: "/mnt/disk"}},
		NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
			MatchExpressions: []corev1.NodeSelectorRequirement{{
				Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{on},
			}},
		}}}},
	}}
	_, err := node.Kubernetes(t).CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{})
	must(t, err)
}
