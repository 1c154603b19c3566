package bed

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/internal/durable"
	"github.com/clustersnap/clustersnap/internal/e2e/netns"
)

// Node is one machine of a control plane: a root folder and a network namespace.
type Node struct {
	Name    string  // as kubeadm knows it and as its etcd member is called: cp1, cp2, cp3
	Address string  // 10.77.0.11 and up; another node's address can be reached, too
	Root    string  // the folder that holds its files as kubeadm lays them out, as in Root/etc/kubernetes
	Pods    *Runner // its static pods
	Members []*Node // those with an etcd member, and so each node; the first has kube-apiserver

	ns   *netns.Namespace
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
	if n.ns, err = netns.New(); err != nil {
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
func (n *Node) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return n.ns.DialContext(ctx, network, address)
}

// Listen listens on an IP address and port of the node. The caller closes the listener.
func (n *Node) Listen(network, address string) (net.Listener, error) {
	return n.ns.Listen(network, address)
}

// Start starts cmd in the node's network, with the files of the test machine: the node's are below Root. The caller
// calls wait once, which is cmd.Wait. The process is killed if the test process ends before.
func (n *Node) Start(cmd *exec.Cmd) (wait func() error, err error) { return n.ns.Start(cmd) }

// Run is [Node.Start] and wait.
func (n *Node) Run(cmd *exec.Cmd) error {
	wait, err := n.Start(cmd)
	if err != nil {
		return err
	}
	return wait()
}

// Output runs cmd, which must succeed, and gives what it prints.
func (n *Node) Output(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	var out, log strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := n.Run(cmd); err != nil {
		t.Fatalf("%s on %s: %v\n%s%s", strings.Join(cmd.Args, " "), n.Name, err, &out, &log)
	}
	return out.String()
}

// Enter is a command that runs in the node's network whoever starts it, such as a benchmark: nsenter of util-linux becomes
// the command, so that the process is the command's own.
func (n *Node) Enter(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	for _, pod := range []string{"kube-apiserver", "etcd"} { // what runs there
		if state, ok := n.Pods.State(pod); ok {
			net := fmt.Sprintf("--net=/proc/%d/ns/net", state.PID)
			return exec.Command("nsenter", append([]string{net, "--"}, args...)...)
		}
	}
	t.Fatalf("nothing runs on %s", n.Name)
	return nil
}
