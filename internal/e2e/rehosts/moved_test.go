package rehosts

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/etcdsnap/restore"
	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/nodebundle"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/kubeadm/rehost"
	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/reissue"
)

// The machine is lost. Another one of another name and address gets the old manifests, certificates from the shared files,
// and etcd's data from a snapshot; the old address is gone.
func TestOtherHost(t *testing.T) {
	ctx := trial.Context(t)
	node := bed.ControlPlane(t, bed.Options{Encryption: true, Scheduler: true})
	addNode(ctx, t, node, "cp1", node.Address, controlPlane)
	config := configOf(cp1, true)
	kubeadmRun(t, node, node.Root, config, "init", "phase", "upload-config", "all")
	kubeadmRun(t, node, node.Root, config, "init", "phase", "bootstrap-token")
	hide(ctx, t, node)
	endpointIs(ctx, t, node, node.Address)
	objects := objectsOf(t, node)
	snapshot := snapshotOf(ctx, t, node)
	old := nodebundle.Collect(t, node.Root)

	manifests := manifestsOf(t, node.Root)
	from, err := rehost.HostOf(manifests)
	must(t, err)
	if fmt.Sprintf("%+v", from) != "{Name:cp1 Address:10.77.0.11 Others:[] Port:6443}" {
		t.Errorf("the manifests are of %+v", from)
	}
	to := rehost.Host{Name: "cp-new", Address: netip.MustParseAddr("10.77.0.99")}
	moved, err := rehost.Manifests(manifests, from, to)
	must(t, err)
	if len(moved.Findings) > 0 || len(moved.Files) != 4 {
		t.Errorf("%d files, findings %v", len(moved.Files), moved.Findings)
	}
	init, err := rehost.Init(objects, from, to, rehost.InitOptions{})
	must(t, err)
	t.Run("as kubeadm", func(t *testing.T) { sameAsKubeadm(t, node, moved, configOf(to, true)) })
	t.Run("as kubeadm with the stored configuration", func(t *testing.T) { sameAsKubeadm(t, node, moved, string(init.Config)) })
	t.Run("accepted by kubeadm", func(t *testing.T) { accepted(t, node, init, old) })

	lose(ctx, t, node)
	extract(t, node, old, to)
	restoreTo(ctx, t, snapshot, node.Root, to, restore.Options{})
	for _, f := range old.With("encryption-config") {
		put(t, node.Root, f.Path, f.Data)
	}
	node.Output(t, exec.Command("ip", "address", "delete", node.Address+"/24", "dev", "br0"))
	node.Output(t, exec.Command("ip", "address", "add", to.Address.String()+"/24", "dev", "br0"))
	for _, f := range moved.Files {
		put(t, node.Root, filepath.Join(manifestDir, f.Path), f.Data)
	}
	must(t, node.WaitEtcd(ctx))
	must(t, node.WaitAPI(ctx))
	endpointIs(ctx, t, node, to.Address.String())
	found(ctx, t, node)
	addNode(ctx, t, node, "cp-new", to.Address.String(), nil)
	uploaded(t, node, init, objects)
	c := &commands{nodes: map[string]*bed.Node{"cp-new": node}}
	c.run(ctx, t, init, "join") // the old Node goes
	if nodes := objectsOf(t, node).Nodes; len(nodes) != 1 || nodes[0].Name != "cp-new" {
		t.Errorf("nodes %v", nodes)
	}
	members, err := node.EtcdClient(t).MemberList(ctx)
	must(t, err)
	if len(members.Members) != 1 || members.Members[0].Name != "cp-new" ||
		members.Members[0].PeerURLs[0] != "https://10.77.0.99:2380" ||
		members.Members[0].ClientURLs[0] != "https://10.77.0.99:2379" {
		t.Errorf("members of etcd: %v", members.Members)
	}
	for _, pod := range []string{"kube-controller-manager", "kube-scheduler"} {
		must(t, node.Pods.WaitRunning(ctx, pod))
	}
	read, err := kubeadm.Read(kubeadm.NodeFS(node.Root), kubeadm.Options{})
	must(t, err)
	if read.Etcd.Name.Value != "cp-new" || read.Etcd.PeerURLs[0].Value != "https://10.77.0.99:2380" {
		t.Errorf("the node says that it is %s at %s", read.Etcd.Name.Value, read.Etcd.PeerURLs[0].Value)
	}
}

// sameAsKubeadm has kubeadm write manifests for the new host, and holds them against those that were rewritten, letter for
// letter.
func sameAsKubeadm(t *testing.T, node *bed.Node, moved *rehost.Moved, config string) {
	t.Helper()
	root := t.TempDir()
	kubeadmRun(t, node, root, config, "init", "phase", "etcd", "local")
	kubeadmRun(t, node, root, config, "init", "phase", "control-plane", "all")
	theirs := manifestsOf(t, root)
	if len(theirs) != len(moved.Files) {
		t.Fatalf("kubeadm wrote %d manifests, and %d were rewritten", len(theirs), len(moved.Files))
	}
	for i, f := range moved.Files {
		if f.Path != theirs[i].Path || string(f.Data) != string(theirs[i].Data) {
			t.Errorf("%s is\n%s\nand kubeadm's %s\n%s", f.Path, f.Data, theirs[i].Path, theirs[i].Data)
		}
	}
}

// accepted has kubeadm check a configuration, and go through all that kubeadm init would do with it on a host that has the
// shared files and a data directory.
func accepted(t *testing.T, node *bed.Node, plan *rehost.Plan, old *pkibundle.Bundle) {
	t.Helper()
	for _, f := range plan.Findings {
		t.Errorf("finding %v", f)
	}
	root := t.TempDir()
	kubeadmRun(t, node, root, string(plan.Config), "config", "validate")
	shared, err := old.Shared()
	must(t, err)
	for _, f := range shared.Files {
		put(t, root, f.Path, f.Data)
	}
	put(t, root, "var/lib/etcd/member/snap/db", nil)
	out := kubeadmRun(t, node, root, string(plan.Config), "init", "--skip-phases", "addon/coredns,addon/kube-proxy",
		"--dry-run", "--ignore-preflight-errors="+strings.Join(notInTheBed, ","))
	for _, want := range []string{
		"[certs] Using existing ca certificate authority", "[certs] Using existing etcd/ca certificate authority",
		"--initial-cluster=cp-new=https://10.77.0.99:2380", "Marking the node cp-new as control-plane by adding the labels",
		"disabled: true", // that is why the configuration is stored once more
		"Your Kubernetes control-plane has initialized successfully!",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("kubeadm init does not say %q:\n%s", want, out)
		}
	}
	for _, not := range []string{"[addons]", "by adding the taints"} { // the node had no taints
		if strings.Contains(out, not) {
			t.Errorf("kubeadm init says %q:\n%s", not, out)
		}
	}
}

// uploaded has kubeadm store the configuration in the restored cluster, as kubeadm init does: nothing changes but what has to.
func uploaded(t *testing.T, node *bed.Node, plan *rehost.Plan, before *rehost.Objects) {
	t.Helper()
	kubeadmRun(t, node, node.Root, string(plan.Config), "init", "phase", "upload-config", "kubelet")
	kubeadmRun(t, node, node.Root, string(plan.Config), "init", "phase", "upload-config", "kubeadm")
	after := objectsOf(t, node)
	for _, m := range before.ConfigMaps {
		if m.Name != "kubeadm-config" && m.Name != "kubelet-config" {
			continue
		}
		at := slices.IndexFunc(after.ConfigMaps, func(n corev1.ConfigMap) bool { return n.Name == m.Name })
		if at < 0 || !reflect.DeepEqual(after.ConfigMaps[at].Data, m.Data) {
			t.Errorf("%s was\n%v\nand is another", m.Name, m.Data)
		}
	}
}

// lose stops the node and takes all files away.
func lose(ctx context.Context, t *testing.T, node *bed.Node) {
	t.Helper()
	for _, pod := range []string{"kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"} {
		stop(ctx, t, node, pod)
	}
	must(t, os.RemoveAll(node.Root))
}

func stop(ctx context.Context, t *testing.T, node *bed.Node, pod string) {
	t.Helper()
	must(t, os.Remove(filepath.Join(node.Root, manifestDir, pod+".yaml")))
	must(t, node.Pods.WaitGone(ctx, pod))
}

// extract gives the node certificates for the new host, made from the shared files.
func extract(t *testing.T, node *bed.Node, old *pkibundle.Bundle, to rehost.Host) {
	t.Helper()
	shared, err := old.Shared()
	must(t, err)
	n, err := reissue.NodeOf(old)
	must(t, err)
	n.Name, n.AdvertiseAddress = to.Name, to.Address
	made, err := reissue.Leaves(shared, n, time.Now())
	must(t, err)
	t.Cleanup(made.Clear)
	parent, err := os.OpenRoot(filepath.Dir(node.Root))
	must(t, err)
	defer parent.Close()
	must(t, pkibundle.Extract(parent, filepath.Base(node.Root), made, pkibundle.ExtractOptions{}))
}

func put(t *testing.T, root, path string, data []byte) {
	t.Helper()
	at := filepath.Join(root, path)
	must(t, os.MkdirAll(filepath.Dir(at), 0o700))
	must(t, os.WriteFile(at, data, 0o600))
}

// hide writes a Secret, which is encrypted at rest, and found reads it.
func hide(ctx context.Context, t *testing.T, node *bed.Node) {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s"}, Data: map[string][]byte{"key": []byte("hidden")}}
	_, err := node.Kubernetes(t).CoreV1().Secrets("default").Create(ctx, secret, metav1.CreateOptions{})
	must(t, err)
}

func found(ctx context.Context, t *testing.T, node *bed.Node) {
	t.Helper()
	got, err := node.Kubernetes(t).CoreV1().Secrets("default").Get(ctx, "s", metav1.GetOptions{})
	if err != nil || string(got.Data["key"]) != "hidden" {
		t.Errorf("the Secret is %v, %v", got, err)
	}
}

// endpointIs waits until the Service kubernetes leads to an address alone. The old one is there until its lease in etcd has run
// out, and as the lower one it is the first.
func endpointIs(ctx context.Context, t *testing.T, node *bed.Node, address string) {
	t.Helper()
	wait := exec.CommandContext(ctx, peers.Kubectl.Path(t), "--kubeconfig", filepath.Join(node.Root, "etc/kubernetes/admin.conf"),
		"wait", "--for=jsonpath={.subsets[0].addresses[0].ip}="+address, "--timeout=2m", "endpoints/kubernetes")
	if out := node.Output(t, wait); !strings.Contains(out, "condition met") {
		t.Errorf("kubectl wait says %s", out)
	}
}
