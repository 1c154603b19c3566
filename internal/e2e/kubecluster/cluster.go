package kubecluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/clustersnap/clustersnap/internal/e2e/netns"
)

// Options say what kind of cluster a test wants. The zero value is one node.
type Options struct {
	// Nodes is how many control-plane nodes there are, 1 or 3, each with an etcd member. 0 is 1.
	Nodes int
	// Spares is how many further machines there are beside a cluster of one node. They have containerd, the images and a kubelet
	// that waits for its configuration, and kubeadm has not been there.
	Spares int
}

// Cluster is the nodes and the network that they are on.
type Cluster struct {
	// Nodes are called cp1, cp2 and cp3. The first is the one on which kubeadm init has run.
	Nodes []*Node
	// Spares are called on from the nodes, the first cp2, each with an address of its own.
	Spares []*Node

	count  int
	spares int
	hub    *netns.Namespace // holds the switch that the nodes hang on, and the endpoint of three
	tools  *tools
	secret secrets
}

// startLimit is how long a cluster may take to be ready. One node takes about 20 s on two idle cores, three about 70 s.
const startLimit = 8 * time.Minute

// Start starts a cluster and gives it once all of its nodes and their own pods are ready. The test ends it, shows the
// ends of its logs if it failed, and fails if anything of it is left. If it can't be started, the test ends as failed.
func Start(t testing.TB, opts Options) *Cluster {
	t.Helper()
	if opts.Nodes != 0 && opts.Nodes != 1 && opts.Nodes != 3 {
		t.Fatalf("start cluster: %d nodes: want 1 or 3", opts.Nodes)
	}
	if opts.Nodes == 3 && opts.Spares > 0 {
		t.Fatal("start cluster: spares are for a cluster of one node")
	}
	c := &Cluster{count: max(1, opts.Nodes), spares: opts.Spares, tools: newTools(t), secret: newSecrets()}
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	if err := c.start(ctx, t); err != nil {
		t.Fatalf("start cluster: %v", err)
	}
	return c
}

func (c *Cluster) start(ctx context.Context, t testing.TB) error {
	if err := sweepGroups(); err != nil {
		return err
	}
	if err := c.plug(t); err != nil {
		return err
	}
	for number := 1; number <= c.count; number++ {
		n, err := newNode(c, number)
		if err != nil {
			return err
		}
		c.Nodes = append(c.Nodes, n)
		t.Cleanup(func() { n.end(t) })
		if err := n.setUp(ctx, t); err != nil {
			return fmt.Errorf("set up %s: %w", n.Name, err)
		}
	}
	for number := c.count + 1; number <= c.count+c.spares; number++ {
		n, err := newNode(c, number)
		if err != nil {
			return err
		}
		c.Spares = append(c.Spares, n)
		t.Cleanup(func() { n.end(t) })
		if err := errors.Join(n.Boot(ctx), n.importImages(ctx)); err != nil {
			return fmt.Errorf("set up spare %s: %w", n.Name, err)
		}
	}
	start := time.Now()
	err := c.WaitReady(ctx)
	t.Logf("%6.1f s  all is ready", time.Since(start).Seconds())
	return err
}

// plug makes the switch, and for several nodes the endpoint in front of them.
func (c *Cluster) plug(t testing.TB) error {
	var err error
	if c.hub, err = netns.New(); err != nil {
		return err
	}
	t.Cleanup(func() { c.hub.Close() })
	if err := c.hub.IP(
		"link set lo up",
		"link add br0 type bridge",
		"addr add "+hubAddress+"/24 dev br0",
		"link set br0 up",
	); err != nil || c.count == 1 {
		return err
	}
	return c.balance(t)
}

// DialContext connects to a node by its name or address, or to "cp-endpoint", as a machine beside the nodes would.
func (c *Cluster) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if known, ok := c.hosts()[host]; ok {
		host = known
	}
	return c.hub.DialContext(ctx, network, net.JoinHostPort(host, port))
}

// RESTConfig is how to reach the cluster with the rights of admin.conf, all, and without a limit on requests per second.
// The caller may change it.
func (c *Cluster) RESTConfig(t testing.TB) *rest.Config {
	t.Helper()
	config, err := c.restConfig()
	if err != nil {
		t.Fatalf("read admin.conf: %v", err)
	}
	return config
}

func (c *Cluster) restConfig() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(c.Nodes[0].Root, "etc/kubernetes/admin.conf"))
	if err != nil {
		return nil, err
	}
	config.Dial = c.DialContext
	config.QPS = -1
	return config, nil
}

// Kubernetes gives a client with all rights.
func (c *Cluster) Kubernetes(t testing.TB) kubernetes.Interface {
	t.Helper()
	client, err := kubernetes.NewForConfig(c.RESTConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	return client
}
