package pkipairs

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// providers is an encryption configuration with all that kube-apiserver can do without a KMS. Key1 of the bed's own
// configuration stays as the second one of Secrets, so that what it has encrypted can be read.
const providers = `apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - aescbc: {keys: [{name: cbc, secret: %s}]}
%s  - identity: {}
- resources: [configmaps]
  providers:
  - aesgcm: {keys: [{name: gcm, secret: %s}]}
  - identity: {}
- resources: ['*.apps']
  providers:
  - secretbox: {keys: [{name: box, secret: %s}]}
  - identity: {}
`

func newKey() string {
	key := make([]byte, 32)
	rand.Read(key) // never returns an error
	return base64.StdEncoding.EncodeToString(key)
}

// cluster makes a control plane with everything in its etcd that a bundle is held against: what kubeadm init writes, what
// controllers write, and objects that each way to encrypt has encrypted.
func cluster(ctx context.Context, t *testing.T) (*bed.Node, kubernetes.Interface) {
	t.Helper()
	node := bed.ControlPlane(t, bed.Options{Encryption: true})
	api := node.Kubernetes(t)
	createSecret(ctx, t, api, "before")
	changeEncryption(ctx, t, node)
	createSecret(ctx, t, api, "after")
	createToken(ctx, t, api)
	createDeployment(ctx, t, api)
	for _, namespace := range []string{"default", "kube-system"} {
		waitRootCA(ctx, t, api, namespace)
	}
	config := writeKubeadmConfig(t, node)
	runKubeadm(ctx, t, node, "upload-config", "kubeadm", "--config", config)
	runKubeadm(ctx, t, node, "bootstrap-token", "--config", config)
	return node, api
}

// changeEncryption starts kube-apiserver again with more providers.
func changeEncryption(ctx context.Context, t *testing.T, node *bed.Node) {
	t.Helper()
	file := filepath.Join(node.Root, bed.EncryptionConfig)
	old := read(t, file)
	_, rest, _ := strings.Cut(old, "  providers:\n")
	box, _, ok := strings.Cut(rest, "  - identity: {}\n")
	if !ok {
		t.Fatalf("the bed's encryption configuration has another form")
	}
	manifest, aside := filepath.Join(node.Root, "etc/kubernetes/manifests/kube-apiserver.yaml"), filepath.Join(t.TempDir(), "aside")
	must(t, os.Rename(manifest, aside))
	must(t, node.Pods.WaitGone(ctx, "kube-apiserver"))
	must(t, os.WriteFile(file, fmt.Appendf(nil, providers, newKey(), box, newKey(), newKey()), 0o600))
	must(t, os.Rename(aside, manifest))
	must(t, node.WaitAPI(ctx))
}

// writeKubeadmConfig writes the configuration that kubeadm init would have had for the node.
func writeKubeadmConfig(t *testing.T, node *bed.Node) string {
	t.Helper()
	_, version, _ := strings.Cut(peers.KubeAPIServer.String(), " ")
	file := filepath.Join(t.TempDir(), "kubeadm.yaml")
	must(t, os.WriteFile(file, fmt.Appendf(nil, `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: %s}
nodeRegistration: {name: %s, criSocket: "unix:///run/containerd/containerd.sock"}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: %s
controlPlaneEndpoint: %[1]s
`, node.Address, node.Name, version), 0o600))
	return file
}

// runKubeadm runs a phase of init that speaks to kube-apiserver.
func runKubeadm(ctx context.Context, t *testing.T, node *bed.Node, phase ...string) {
	t.Helper()
	args := append([]string{"init", "phase"}, phase...)
	args = append(args, "--kubeconfig", node.Kubeconfig())
	kubeadm(ctx, t, node, args...)
}

func kubeadm(ctx context.Context, t *testing.T, node *bed.Node, args ...string) {
	t.Helper()
	node.Output(t, exec.CommandContext(ctx, peers.Kubeadm.Path(t), args...))
}

func createSecret(ctx context.Context, t *testing.T, api kubernetes.Interface, name string) {
	t.Helper()
	_, err := api.CoreV1().Secrets("default").Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string][]byte{"key": []byte("hidden")},
	}, metav1.CreateOptions{})
	must(t, err)
}

// createToken makes a Secret that kube-controller-manager fills with a token, and waits for that.
func createToken(ctx context.Context, t *testing.T, api kubernetes.Interface) {
	t.Helper()
	_, err := api.CoreV1().ServiceAccounts("default").Create(ctx,
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "robot"}}, metav1.CreateOptions{})
	must(t, err)
	secrets := api.CoreV1().Secrets("default")
	_, err = secrets.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "robot-token", Annotations: map[string]string{corev1.ServiceAccountNameKey: "robot"}},
		Type:       corev1.SecretTypeServiceAccountToken,
	}, metav1.CreateOptions{})
	must(t, err)
	w, err := secrets.Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=robot-token"})
	must(t, err)
	await(ctx, t, w, func(e watch.Event) bool {
		secret, ok := e.Object.(*corev1.Secret)
		return ok && len(secret.Data["token"]) > 0
	})
}

func createDeployment(ctx context.Context, t *testing.T, api kubernetes.Interface) {
	t.Helper()
	labels := map[string]string{"app": "web"}
	_, err := api.AppsV1().Deployments("default").Create(ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "web"}}},
			},
		},
	}, metav1.CreateOptions{})
	must(t, err)
}

// waitRootCA waits until kube-controller-manager has published the cluster's CA in a namespace.
func waitRootCA(ctx context.Context, t *testing.T, api kubernetes.Interface, namespace string) {
	t.Helper()
	w, err := api.CoreV1().ConfigMaps(namespace).Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=kube-root-ca.crt"})
	must(t, err)
	await(ctx, t, w, func(e watch.Event) bool { return e.Type == watch.Added || e.Type == watch.Modified })
}

// await waits for an event. A watch without a resourceVersion begins with what is there.
func await(ctx context.Context, t *testing.T, w watch.Interface, good func(watch.Event) bool) {
	t.Helper()
	defer w.Stop()
	for {
		select {
		case e, ok := <-w.ResultChan():
			if !ok {
				t.Fatal("the watch has ended")
			}
			if good(e) {
				return
			}
		case <-ctx.Done():
			t.Fatal(context.Cause(ctx))
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	return string(text)
}
