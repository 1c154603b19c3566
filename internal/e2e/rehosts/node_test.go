package rehosts

import (
	"context"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/etcdsnap/restore"
	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/kubeadm/rehost"
)

const manifestDir = "etc/kubernetes/manifests"

var (
	must = trial.Must
	cp1  = rehost.Host{Name: "cp1", Address: netip.MustParseAddr("10.77.0.11")}
)

// kubeadmRun has the stock kubeadm work below a root, in the network of a node. Config is a text for it, or empty.
func kubeadmRun(t *testing.T, node *bed.Node, root, config string, args ...string) string {
	t.Helper()
	args = append(args, "--rootfs", root)
	if config != "" {
		file := filepath.Join(root, "kubeadm.yaml")
		must(t, os.WriteFile(file, []byte(config), 0o600))
		defer os.Remove(file)
		args = append(args, "--config", "/kubeadm.yaml")
	}
	return node.Output(t, exec.Command(peers.Kubeadm.Path(t), args...))
}

// configOf says to kubeadm what the bed has said to it, for a host.
func configOf(h rehost.Host, encryption bool) string {
	text := fmt.Sprintf(`
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: %q}
nodeRegistration: {name: %q, criSocket: "unix:///run/containerd/containerd.sock"}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.37.2
etcd: {local: {imageTag: 3.7.3-0}}
controllerManager: {extraArgs: [{name: kube-api-qps, value: "500"}, {name: kube-api-burst, value: "1000"}]}
`, h.Address, h.Name)
	if !encryption {
		return text
	}
	dir := "/" + filepath.Dir(bed.EncryptionConfig)
	return text + fmt.Sprintf(`
apiServer:
  extraArgs: [{name: encryption-provider-config, value: %q}]
  extraVolumes: [{name: encryption, hostPath: %q, mountPath: %q, readOnly: true, pathType: Directory}]
`, "/"+bed.EncryptionConfig, dir, dir)
}

// manifestsOf reads what a root has in its directory of manifests.
func manifestsOf(t *testing.T, root string) (files []rehost.File) {
	t.Helper()
	dir := os.DirFS(filepath.Join(root, manifestDir))
	names, err := fs.Glob(dir, "*.yaml")
	must(t, err)
	for _, name := range names {
		data, err := fs.ReadFile(dir, name)
		must(t, err)
		files = append(files, rehost.File{Path: name, Data: data})
	}
	return files
}

// addNode makes the object that a kubelet would.
func addNode(ctx context.Context, t *testing.T, node *bed.Node, name, address string, labels map[string]string) {
	t.Helper()
	api := node.Kubernetes(t).CoreV1().Nodes()
	_, err := api.Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}, metav1.CreateOptions{})
	must(t, err)
	status := `{"status": {"addresses": [{"type": "InternalIP", "address": "` + address + `"}]}}` // whatever controllers write meanwhile
	_, err = api.PatchStatus(ctx, name, []byte(status))
	must(t, err)
}

var controlPlane = map[string]string{"node-role.kubernetes.io/control-plane": ""}

// objectsOf takes the objects from the API as an administrator would.
func objectsOf(t *testing.T, node *bed.Node) *rehost.Objects {
	t.Helper()
	text := node.Output(t, exec.Command(peers.Kubectl.Path(t), "--kubeconfig", filepath.Join(node.Root,
		"etc/kubernetes/admin.conf"),
		"get", "nodes,configmaps,secrets", "--all-namespaces", "--output", "yaml"))
	objects, err := rehost.ReadObjects([]byte(text))
	must(t, err)
	return objects
}

// snapshotOf saves etcd of a node.
func snapshotOf(ctx context.Context, t *testing.T, node *bed.Node) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "snapshot")
	_, err := etcdsnap.SaveFile(ctx, file, node.EtcdClient(t), etcdsnap.Options{})
	must(t, err)
	return file
}

// restoreTo makes the data directory of one member below a root.
func restoreTo(ctx context.Context, t *testing.T, snapshot, root string, h rehost.Host, opts restore.Options) {
	t.Helper()
	f, err := os.Open(snapshot)
	must(t, err)
	defer f.Close()
	dir := filepath.Join(root, "var/lib/etcd")
	must(t, os.MkdirAll(filepath.Dir(dir), 0o755))
	_, err = restore.Restore(ctx, f, []restore.Member{{
		Name: h.Name, PeerURLs: []string{"https://" + netip.AddrPortFrom(h.Address, 2380).String()}, DataDir: dir,
	}}, time.Minute, opts)
	must(t, err)
}
