package bed

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// EtcdEndpoint is the etcd of a node, for who is on it.
const EtcdEndpoint = "https://127.0.0.1:2379"

// EtcdClient gives a client for the node's own etcd with the rights of its healthcheck-client certificate: all. The
// test closes it.
func (n *Node) EtcdClient(t testing.TB) *clientv3.Client {
	t.Helper()
	client, err := n.etcdClient()
	if err != nil {
		t.Fatalf("connect to etcd of %s: %v", n.Name, err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func (n *Node) etcdClient() (*clientv3.Client, error) {
	pki := filepath.Join(n.Root, "etc/kubernetes/pki/etcd")
	pair, err := tls.LoadX509KeyPair(filepath.Join(pki, "healthcheck-client.crt"), filepath.Join(pki, "healthcheck-client.key"))
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(filepath.Join(pki, "ca.crt"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return clientv3.New(clientv3.Config{
		Endpoints: []string{EtcdEndpoint},
		Logger:    zap.NewNop(), // errors are returned, too
		TLS:       &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}},
		DialOptions: []grpc.DialOption{grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return n.DialContext(ctx, "tcp", address)
		})},
	})
}

// Admins gives the user of admin.conf the rights that "kubeadm init" gives it at its end
// (cmd/kubeadm/app/phases/kubeconfig in kubernetes/kubernetes): what runs on the node may take that file.
func (n *Node) Admins(t testing.TB) {
	t.Helper()
	const name = "kubeadm:cluster-admins"
	_, err := n.Kubernetes(t).RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "Group", Name: name}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("give rights on %s: %v", n.Name, err)
	}
}

// Kubeconfig is the file with all rights, which only the first node has. Programs can use it in the node's network.
func (n *Node) Kubeconfig() string { return filepath.Join(n.Root, "etc/kubernetes/super-admin.conf") }

// RESTConfig is how to reach kube-apiserver with [Node.Kubeconfig], and without a limit on requests per second. The caller may change it.
func (n *Node) RESTConfig(t testing.TB) *rest.Config {
	t.Helper()
	config, err := n.restConfig()
	if err != nil {
		t.Fatalf("read super-admin.conf of %s: %v", n.Name, err)
	}
	return config
}

func (n *Node) restConfig() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", n.Kubeconfig())
	if err != nil {
		return nil, err
	}
	config.Dial = n.DialContext
	config.QPS = -1
	return config, nil
}

// Kubernetes gives a client with all rights.
func (n *Node) Kubernetes(t testing.TB) kubernetes.Interface {
	t.Helper()
	client, err := kubernetes.NewForConfig(n.RESTConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Dynamic gives one for any resource.
func (n *Node) Dynamic(t testing.TB) dynamic.Interface {
	t.Helper()
	client, err := dynamic.NewForConfig(n.RESTConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	return client
}
