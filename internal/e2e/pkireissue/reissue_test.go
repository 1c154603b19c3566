package pkireissue

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/nodebundle"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/reissue"
)

// All certificates are lost, and the shared files are not.
func TestSameMachine(t *testing.T) {
	ctx := trial.Context(t)
	node := bed.ControlPlane(t, bed.Options{Encryption: true})
	put(t, node.Root, pkibundle.File{Path: "etc/passwd", Mode: 0o644, Data: []byte("root:x:0:0::/root:/bin/sh\n")})
	put(t, node.Root, pkibundle.File{Path: "etc/group", Mode: 0o644, Data: []byte("root:x:0:\n")})
	old := nodebundle.Collect(t, node.Root)
	said := nodeOf(t, old)
	api := node.RESTConfig(t)
	hide(ctx, t, api)

	made := leaves(t, old, said)
	sameAsKubeadm(t, old, made)
	replaceRoot(ctx, t, node, old, made)
	accepted(t, node, said)
	for _, f := range old.With("static-pod") {
		put(t, node.Root, f)
	}
	works(ctx, t, node, said)
	finds(ctx, t, api)
}

// The machine is lost, too, and the new one has another name and another address; the old address is gone.
func TestOtherMachine(t *testing.T) {
	ctx := trial.Context(t)
	node := bed.ControlPlane(t, bed.Options{Encryption: true})
	old := nodebundle.Collect(t, node.Root)
	said := nodeOf(t, old)
	api := node.RESTConfig(t)
	hide(ctx, t, api)

	said.Name, said.AdvertiseAddress = "cp-new", netip.MustParseAddr("10.77.0.99")
	made := leaves(t, old, said)
	replaceRoot(ctx, t, node, old, made)
	node.Output(t, exec.Command("ip", "address", "delete", node.Address+"/24", "dev", "br0"))
	node.Output(t, exec.Command("ip", "address", "add", said.AdvertiseAddress.String()+"/24", "dev", "br0"))
	accepted(t, node, said)
	kubeadm(t, node, said, "init", "phase", "etcd", "local")
	if err := node.WaitEtcd(ctx); err != nil {
		t.Fatal(err)
	}
	peersTrust(ctx, t, node, said, old)
	kubeadm(t, node, said, "init", "phase", "control-plane", "apiserver")
	kubeadm(t, node, said, "init", "phase", "control-plane", "controller-manager")
	works(ctx, t, node, said)
	api.Host = "https://10.77.0.99:6443" // the same CA and the same client certificate as before
	finds(ctx, t, api)
}

// nodeOf holds that the bundle says what the bed has told kubeadm.
func nodeOf(t *testing.T, b *pkibundle.Bundle) reissue.Node {
	t.Helper()
	n, err := reissue.NodeOf(b)
	if err != nil {
		t.Fatal(err)
	}
	want := reissue.Node{
		Name: "cp1", AdvertiseAddress: netip.MustParseAddr("10.77.0.11"), Version: "v1.37.2", BindPort: 6443,
		ServiceSubnet: netip.MustParsePrefix("10.96.0.0/12"), DNSDomain: "cluster.local", ClusterName: "kubernetes",
	}
	if got := fmt.Sprintf("%+v", n); got != fmt.Sprintf("%+v", want) {
		t.Fatalf("the bundle is said to be of %+v, want %+v", n, want)
	}
	return n
}

// leaves makes the files from the shared ones alone.
func leaves(t *testing.T, old *pkibundle.Bundle, n reissue.Node) *pkibundle.Bundle {
	t.Helper()
	shared, err := old.Shared()
	if err != nil {
		t.Fatal(err)
	}
	if len(shared.Files) != 8 {
		t.Fatalf("the shared files are %v", shared.Files)
	}
	made, err := reissue.Leaves(shared, n, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(made.Clear)
	return made
}

// replaceRoot stops the node, and gives it a new root with what was made, the old data of etcd and the old
// encryption config.
func replaceRoot(ctx context.Context, t *testing.T, node *bed.Node, old, made *pkibundle.Bundle) {
	t.Helper()
	for _, pod := range []string{"kube-controller-manager", "kube-apiserver", "etcd"} {
		if err := os.Remove(filepath.Join(node.Root, "etc/kubernetes/manifests", pod+".yaml")); err != nil {
			t.Fatal(err)
		}
		if err := node.Pods.WaitGone(ctx, pod); err != nil {
			t.Fatal(err)
		}
	}
	dir, lost := filepath.Dir(node.Root), node.Root+".lost"
	if err := os.Rename(node.Root, lost); err != nil {
		t.Fatal(err)
	}
	parent, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer parent.Close()
	if err := pkibundle.Extract(parent, filepath.Base(node.Root), made, pkibundle.ExtractOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(node.Root, "var/lib"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(lost, "var/lib/etcd"), filepath.Join(node.Root, "var/lib/etcd")); err != nil {
		t.Fatal(err)
	}
	for _, f := range old.With("encryption-config") {
		put(t, node.Root, f)
	}
	if err := os.RemoveAll(lost); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, root string, f pkibundle.File) {
	t.Helper()
	at := filepath.Join(root, filepath.FromSlash(f.Path))
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, f.Data, f.Mode); err != nil {
		t.Fatal(err)
	}
}

// hide writes a Secret, which is encrypted at rest.
func hide(ctx context.Context, t *testing.T, config *rest.Config) {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s"}, Data: map[string][]byte{"key": []byte("hidden")}}
	if _, err := client(t, config).CoreV1().Secrets("default").Create(ctx, secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// finds reads it with the certificate and the CA that a client had before.
func finds(ctx context.Context, t *testing.T, config *rest.Config) {
	t.Helper()
	got, err := client(t, config).CoreV1().Secrets("default").Get(ctx, "s", metav1.GetOptions{})
	if err != nil || string(got.Data["key"]) != "hidden" {
		t.Errorf("an old client gets %v, %v", got, err)
	}
}

func client(t *testing.T, config *rest.Config) kubernetes.Interface {
	t.Helper()
	c, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
