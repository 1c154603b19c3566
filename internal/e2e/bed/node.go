package bed

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/clustersnap/clustersnap/internal/durable"
)

// EtcdEndpoint is the etcd of a node, for who is on it.
const EtcdEndpoint = "https://127.0.0.1:2379"

// Node is one machine of a control plane: a root folder and a network namespace.
type Node struct {
	Name    string  // as kubeadm knows it and as its etcd member is called: cp1, cp2, cp3
	Address string  // 10.77.0.11 and up; another node's address can be reached, too
	Root    string  // the folder that holds its files as kubeadm lays them out, as in Root/etc/kubernetes
	Pods    *Runner // its static pods
	Members []*Node // those with an etcd member, and so each node; the first has kube-apiserver

	ns   *namespace
	dir  *os.File // the folder of Root and logs, locked while the test lives
	logs string
}

// folder is what the folders of nodes are named for in the temporary directory. A new one sweeps those
// that tests which were killed have left.
const folder = "clustersnap-bed"

// newNode makes a node without files and without network.
func newNode(name, address string, programs map[string]string) (*Node, error) {
	dir, err := durable.CreateDir(filepath.Join(os.TempDir(), folder))
	if err != nil {
		return nil, err
	}
	n := &Node{Name: name, Address: address, Root: filepath.Join(dir.Name(), "root"), dir: dir, logs: filepath.Join(dir.Name(), "logs")}
	for _, d := range []string{n.Root, n.logs} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return nil, err
		}
	}
	if n.ns, err = newNamespace(); err != nil {
		return nil, err
	}
	n.Pods = newRunner(n, programs)
	return n, nil
}

// manifest is the file of a static pod.
func (n *Node) manifest(pod string) string { return filepath.Join(n.Root, manifests, pod+".yaml") }

// Log is the file with all that the processes of a static pod have printed.
func (n *Node) Log(pod string) string { return filepath.Join(n.logs, pod+".log") }

// DialContext connects to an IP address and port as a process on the node would.
func (n *Node) DialContext(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = n.ns.do(func() error {
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Listen listens on an IP address and port of the node. The caller closes the listener.
func (n *Node) Listen(network, address string) (listener net.Listener, err error) {
	err = n.ns.do(func() error {
		listener, err = net.Listen(network, address)
		return err
	})
	return listener, err
}

// Start starts cmd in the node's network, with the files of the test machine: the node's are below Root. The caller
// calls wait once, which is cmd.Wait. The process is killed if the test process ends before.
func (n *Node) Start(cmd *exec.Cmd) (wait func() error, err error) { return n.ns.start(cmd) }

// Run is [Node.Start] and wait.
func (n *Node) Run(cmd *exec.Cmd) error {
	wait, err := n.Start(cmd)
	if err != nil {
		return err
	}
	return wait()
}

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

// RESTConfig is how to reach kube-apiserver with super-admin.conf, which only the first node has, and without a limit
// on requests per second. The caller may change it.
func (n *Node) RESTConfig(t testing.TB) *rest.Config {
	t.Helper()
	config, err := n.restConfig()
	if err != nil {
		t.Fatalf("read super-admin.conf of %s: %v", n.Name, err)
	}
	return config
}

func (n *Node) restConfig() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(n.Root, "etc/kubernetes/super-admin.conf"))
	if err != nil {
		return nil, err
	}
	config.Dial = n.DialContext
	config.QPS = -1
	return config, nil
}
