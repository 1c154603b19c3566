package mistakes

import (
	"os"
	"path/filepath"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed/driver"
)

// cluster gives a real control plane, and what there is about it and another one by the names that scripts have for that.
func cluster(t *testing.T, values map[string]string) *bed.Node {
	t.Helper()
	values["FOREIGN"], values["FOREIGNTREE"], values["FOREIGNUID"] = foreign(t, values["RECIPIENT"])
	node := bed.ControlPlane(t, bed.Options{})
	node.Admins(t)
	values["CLUSTER"], values["UID"], values["CONFS"], values["S3"] = node.Root, uid(t, node), confs(t, node), bucket(t)
	return node
}

// confs writes kubeconfigs of a cluster in which one thing each is wrong, beside one that has all rights: admin.conf.
func confs(t *testing.T, node *bed.Node) (dir string) {
	t.Helper()
	dir = t.TempDir()
	pki := filepath.Join(node.Root, "etc/kubernetes/pki")
	expired(t, filepath.Join(pki, "ca"), filepath.Join(dir, "expired"))
	accounts := node.Kubernetes(t).CoreV1().ServiceAccounts("default")
	_, err := accounts.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "rightless"}}, metav1.CreateOptions{})
	must(t, err)
	token, err := accounts.CreateToken(t.Context(), "rightless", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	must(t, err)
	for name, spoil := range map[string]func(*clientcmdapi.Cluster, *clientcmdapi.AuthInfo){
		"admin": func(*clientcmdapi.Cluster, *clientcmdapi.AuthInfo) {},
		"expired": func(_ *clientcmdapi.Cluster, user *clientcmdapi.AuthInfo) {
			user.ClientCertificateData, user.ClientKeyData = read(t, dir, "expired.crt"), read(t, dir, "expired.key")
		},
		"untrusting": func(cluster *clientcmdapi.Cluster, _ *clientcmdapi.AuthInfo) {
			cluster.CertificateAuthorityData = read(t, pki, "etcd/ca.crt")
		},
		"rightless": func(_ *clientcmdapi.Cluster, user *clientcmdapi.AuthInfo) {
			*user = clientcmdapi.AuthInfo{Token: token.Status.Token}
		},
		"stranger": func(_ *clientcmdapi.Cluster, user *clientcmdapi.AuthInfo) {
			*user = clientcmdapi.AuthInfo{Token: "none"}
		},
	} {
		config, err := clientcmd.LoadFromFile(node.Kubeconfig())
		must(t, err)
		context := config.Contexts[config.CurrentContext]
		spoil(config.Clusters[context.Cluster], config.AuthInfos[context.AuthInfo])
		must(t, clientcmd.WriteToFile(*config, filepath.Join(dir, name+".conf")))
	}
	return dir
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	must(t, err)
	return text
}

// volumes gives the cluster snapshots, and a namespace with a claim.
func volumes(t *testing.T, node *bed.Node) {
	t.Helper()
	b := csibed.Start(t, node, csibed.Options{Drivers: []*driver.Driver{driver.Start(t, driver.Options{Name: "disks.example.com"})}})
	b.Namespace(t, "shop")
	b.Claims(t, "shop", "disks.example.com", "data")
	b.Namespace(t, "idle")
}

// uid is the identity of a cluster.
func uid(t *testing.T, node *bed.Node) string {
	t.Helper()
	system, err := node.Kubernetes(t).CoreV1().Namespaces().Get(t.Context(), "kube-system", metav1.GetOptions{})
	must(t, err)
	return string(system.UID)
}

// foreign backs up another cluster, which ends with that, and dumps it into a tree.
func foreign(t *testing.T, recipient string) (set, tree, is string) {
	t.Helper()
	dir := t.TempDir()
	set, tree = filepath.Join(dir, "foreign.clustersnap"), filepath.Join(dir, "tree")
	t.Run("another cluster", func(t *testing.T) {
		node := bed.ControlPlane(t, bed.Options{})
		node.Admins(t)
		is = uid(t, node)
		_, err := node.Kubernetes(t).CoreV1().ConfigMaps("default").Create(t.Context(),
			&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "settings"}}, metav1.CreateOptions{})
		must(t, err)
		command.Good(t, command.RunOn(t, node, "backup", "--root", node.Root, "--to", set, "--recipient", recipient))
		command.Good(t, command.RunOn(t, node, "manifests", "dump", "--to", tree, "--kubeconfig", node.Kubeconfig()))
	})
	return set, tree, is
}
