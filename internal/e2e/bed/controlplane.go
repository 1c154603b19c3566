package bed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// startLimit is how long a control plane may take to be ready. It takes about 8 s on two idle cores.
const startLimit = 3 * time.Minute

// ControlPlane starts a control plane and gives its first node, once etcd and kube-apiserver are ready and the
// namespaces default and kube-system exist. The test stops it, shows the ends of its logs if it failed, and fails if
// anything of it is left. If it can't be started, the test ends as failed.
func ControlPlane(t testing.TB, opts Options) *Node {
	t.Helper()
	if err := opts.check(); err != nil {
		t.Fatalf("start control plane: %v", err)
	}
	kubeadmProgram, programs := peers.Kubeadm.Path(t), opts.programs(t)
	nodes, err := newNodes(t, max(1, opts.Members), programs)
	if err != nil {
		t.Fatalf("start control plane: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	if err := start(ctx, nodes, kubeadm{program: kubeadmProgram, opts: opts}); err != nil {
		t.Fatalf("start control plane: %v", err)
	}
	return nodes[0]
}

// programs are the executables of the static pods.
func (o Options) programs(t testing.TB) map[string]string {
	t.Helper()
	programs := map[string]string{
		"etcd":                    etcds[o.EtcdVersion].Path(t),
		"kube-apiserver":          peers.KubeAPIServer.Path(t),
		"kube-controller-manager": peers.KubeControllerManager.Path(t),
	}
	if o.Scheduler {
		programs["kube-scheduler"] = peers.KubeScheduler.Path(t)
	}
	return programs
}

// newNodes makes nodes that are on one network and end with the test.
func newNodes(t testing.TB, count int, programs map[string]string) ([]*Node, error) {
	var nodes []*Node
	for number := 1; number <= count; number++ {
		n, err := newNode(fmt.Sprintf("cp%d", number), address(number), programs)
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { n.end(t) })
		nodes = append(nodes, n)
	}
	for _, n := range nodes {
		n.Members = nodes
	}
	return nodes, plug(nodes)
}

// start makes the files of the nodes and starts their static pods, one node after the other, as they would join.
func start(ctx context.Context, nodes []*Node, k kubeadm) error {
	first := nodes[0]
	k.node = first
	if err := k.initFirst(ctx); err != nil {
		return err
	}
	first.Pods.start()
	if err := poll(ctx, first.etcdHealthy); err != nil {
		return err
	}
	for _, n := range nodes[1:] {
		k.node = n
		if err := k.initMember(ctx, first); err != nil {
			return err
		}
		if err := join(ctx, first, n); err != nil {
			return err
		}
	}
	return poll(ctx, first.apiReady)
}

// poll calls check until it is content, and gives its last error when ctx ends.
func poll(ctx context.Context, check func(context.Context) error) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		try, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := check(try)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		}
	}
}

// etcdHealthy asks etcd of the node for a read that needs a quorum.
func (n *Node) etcdHealthy(ctx context.Context) error {
	client, err := n.etcdClient()
	if err != nil {
		return err
	}
	defer client.Close()
	if _, err := client.Get(ctx, "health"); err != nil {
		return fmt.Errorf("ask etcd of %s for its health: %w", n.Name, err)
	}
	return nil
}

// apiReady asks kube-apiserver whether it is ready, and for the namespaces that it makes itself.
func (n *Node) apiReady(ctx context.Context) error {
	config, err := n.restConfig()
	if err != nil {
		return err
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	for _, path := range []string{"/readyz", "/api/v1/namespaces/default", "/api/v1/namespaces/kube-system"} {
		if err := get(ctx, client, config.Host+path); err != nil {
			return err
		}
	}
	return nil
}

// get wants the status 200 of url.
func get(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("get %s: %s: %s", url, response.Status, body)
	}
	return err
}
