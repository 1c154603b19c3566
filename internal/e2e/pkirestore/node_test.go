package pkirestore

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/nodebundle"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/check"
	"github.com/clustersnap/clustersnap/pkibundle/reissue"
)

// Everything that kubeadm and the operator have put on a node is lost, and comes back from the bundle alone. The same
// kube-apiserver, controllers and etcd start on it, and read what was encrypted at rest.
func TestNodeComesBack(t *testing.T) {
	ctx := trial.Context(t)
	node := bed.ControlPlane(t, bed.Options{Encryption: true, Scheduler: true})
	api := node.Kubernetes(t)
	_, err := api.CoreV1().Secrets("default").Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "s"}, Data: map[string][]byte{"key": []byte("hidden")},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}

	finalizeKubelet(t, node.Root)
	bundle := nodebundle.Collect(t, node.Root)
	if r := check.Files(bundle, time.Now(), check.Options{}); r.Verdict != check.Full || len(r.Findings) > 0 {
		t.Errorf("the node's own files: %+v", r)
	}
	reissued(t, bundle)
	sealed, identity, signer := sealHybrid(t, bundle)

	lose(ctx, t, node)
	opened, _, err := pkibundle.Open(bytes.NewReader(sealed), []age.Identity{identity},
		pkibundle.OpenOptions{Signers: []ed25519.PublicKey{signer}, NotBefore: time.Now().Add(-time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Clear()
	changes, err := pkibundle.Changes(kubeadm.NodeFS(node.Root), opened)
	if err != nil || len(changes) != len(opened.Files) {
		t.Errorf("a restore would make %d changes, the bundle has %d files (%v)", len(changes), len(opened.Files), err)
	}
	parent, err := os.OpenRoot(node.Root)
	if err != nil {
		t.Fatal(err)
	}
	defer parent.Close()
	if err := pkibundle.Extract(parent, "restored", opened, pkibundle.ExtractOptions{Names: kubeadm.NodeFS(node.Root)}); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"var/lib/kubelet", "etc/kubernetes"} { // the manifests last: the pods start
		if err := os.Rename(filepath.Join(node.Root, "restored", dir), filepath.Join(node.Root, dir)); err != nil {
			t.Fatal(err)
		}
	}
	if changes, err := pkibundle.Changes(kubeadm.NodeFS(node.Root), opened); err != nil || len(changes) > 0 {
		t.Errorf("the restored files differ: %v, %v", changes, err)
	}
	if err := node.WaitEtcd(ctx); err != nil {
		t.Fatal(err)
	}
	if err := node.WaitAPI(ctx); err != nil {
		t.Fatal(err)
	}
	if got, err := api.CoreV1().Secrets("default").Get(ctx, "s", metav1.GetOptions{}); err != nil || string(got.Data["key"]) != "hidden" {
		t.Errorf("the secret is now %v (%v)", got, err)
	}
	out, err := exec.Command(peers.Kubeadm.Path(t), "certs", "check-expiration", "--rootfs", node.Root, "--kubeconfig", "/etc/kubernetes/admin.conf").CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("MISSING")) || !bytes.Contains(out, []byte("front-proxy-ca")) {
		t.Errorf("kubeadm certs check-expiration: %v\n%s", err, out)
	}
	t.Logf("%d files, %d bytes sealed", len(opened.Files), len(sealed))
}

// reissued makes the node's certificates and kubeconfigs again from the shared files alone: with the rest of the old bundle
// that is as good a node as the old one.
func reissued(t *testing.T, bundle *pkibundle.Bundle) {
	t.Helper()
	shared, err := bundle.Shared()
	if err != nil {
		t.Fatal(err)
	}
	if r := check.Files(shared, time.Now(), check.Options{}); r.Verdict != check.SharedOnly || len(r.Findings) > 0 || len(shared.Files) != 8 {
		t.Errorf("%d shared files: %+v", len(shared.Files), r)
	}
	n, err := reissue.NodeOf(bundle)
	if err != nil {
		t.Fatal(err)
	}
	leaves, err := reissue.Leaves(shared, n, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	whole := &pkibundle.Bundle{Files: leaves.Files}
	for _, role := range []string{"static-pod", "kubelet-config", "encryption-config"} {
		whole.Files = append(whole.Files, bundle.With(role)...)
	}
	if r := check.Files(whole, time.Now(), check.Options{}); r.Verdict != check.Full || len(r.Findings) > 0 {
		t.Errorf("the reissued node: %+v", r)
	}
}

// finalizeKubelet does what kubeadm init does once the kubelet has its own certificate (cmd/kubeadm/app/cmd/phases/init/kubeletfinalize.go
// in kubernetes/kubernetes): kubelet.conf names it through the link that renewals change.
func finalizeKubelet(t *testing.T, root string) {
	t.Helper()
	conf := filepath.Join(root, "etc/kubernetes/kubelet.conf")
	config, err := clientcmd.LoadFromFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	pki := filepath.Join(root, "var/lib/kubelet/pki")
	for _, user := range config.AuthInfos {
		pair := append(user.ClientCertificateData, user.ClientKeyData...)
		if err := os.MkdirAll(pki, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(pki, "kubelet-client-2026-11-26-12-00-00.pem"), pair, 0o600); err != nil {
			t.Fatal(err)
		}
		user.ClientCertificateData, user.ClientKeyData = nil, nil
		user.ClientCertificate = "/var/lib/kubelet/pki/kubelet-client-current.pem"
		user.ClientKey = user.ClientCertificate
	}
	if err := os.Symlink("/var/lib/kubelet/pki/kubelet-client-2026-11-26-12-00-00.pem", filepath.Join(pki, "kubelet-client-current.pem")); err != nil {
		t.Fatal(err)
	}
	if err := clientcmd.WriteToFile(*config, conf); err != nil {
		t.Fatal(err)
	}
}

// sealHybrid seals and signs, for one hybrid recipient.
func sealHybrid(t *testing.T, bundle *pkibundle.Bundle) ([]byte, *age.HybridIdentity, ed25519.PublicKey) {
	t.Helper()
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var sealed bytes.Buffer
	_, err = pkibundle.Seal(&sealed, bundle, []age.Recipient{identity.Recipient()}, time.Now(), pkibundle.SealOptions{Signer: private})
	if err != nil {
		t.Fatal(err)
	}
	return sealed.Bytes(), identity, public
}

// lose stops the node's pods and removes all of its files but etcd's data.
func lose(ctx context.Context, t *testing.T, node *bed.Node) {
	t.Helper()
	manifests := filepath.Join(node.Root, "etc/kubernetes/manifests")
	for _, pod := range []string{"kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"} {
		if err := os.Remove(filepath.Join(manifests, pod+".yaml")); err != nil {
			t.Fatal(err)
		}
		if err := node.Pods.WaitGone(ctx, pod); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"etc/kubernetes", "var/lib/kubelet"} {
		if err := os.RemoveAll(filepath.Join(node.Root, dir)); err != nil {
			t.Fatal(err)
		}
	}
}
