package kubecluster

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/internal/durable"
	"github.com/clustersnap/clustersnap/internal/e2e/netns"
)

// Node is one machine of a cluster.
type Node struct {
	Name    string // of the machine, its Node object and its etcd member
	Address string
	// Root has the folders of the node that outlive a power cut, such as Root/etc and Root/var/lib. They may be read and
	// written while the node runs or does not.
	Root string

	cluster *Cluster
	number  int      // from 1
	dir     *os.File // the folder of Root, locked while the test lives
	boots   int
	booted  time.Time // the last time

	mu      sync.Mutex
	running *machine // nil while there is no power
}

// machine is the first process of a node that runs.
type machine struct {
	pid    int // as the test machine counts
	end    func()
	ended  chan error
	ns     *netns.Namespace
	groups *groups
}

// folder is what the folders of nodes are named for in the temporary directory. A new one sweeps those
// that tests which were killed have left.
const folder = "clustersnap-kubecluster"

// kept are the folders of the node in its Root.
var kept = []string{"etc", "var/lib", "var/log", "var/backups", "opt"}

// newNode makes a node without power.
func newNode(c *Cluster, number int) (*Node, error) {
	dir, err := durable.CreateDir(filepath.Join(os.TempDir(), folder))
	if err != nil {
		return nil, err
	}
	n := &Node{
		Name: nodeName(number), Address: nodeAddress(number), Root: filepath.Join(dir.Name(), "root"),
		cluster: c, number: number, dir: dir,
	}
	for _, d := range kept {
		if err := os.MkdirAll(filepath.Join(n.Root, d), 0o755); err != nil {
			return nil, err
		}
	}
	return n, n.writeFiles()
}

// Enter is a command that runs on the node, as root and with the node's files, network and processes. Its environment is
// a root's there. If it is killed, what it has started may go on until the node ends.
func (n *Node) Enter(ctx context.Context, args ...string) *exec.Cmd {
	n.mu.Lock()
	defer n.mu.Unlock()
	pid := 0 // there is none: nsenter says so
	if n.running != nil {
		pid = n.running.pid
	}
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{
		"--target", strconv.Itoa(pid), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--",
	}, args...)...)
	cmd.Dir = "/"
	cmd.Env = append(environment(), "KUBECONFIG=/etc/kubernetes/admin.conf")
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// environment is what programs on a node find.
func environment() []string {
	return []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/bin", "HOME=/root"}
}

// Output runs a command on the node, which must succeed, and gives what it prints.
func (n *Node) Output(t testing.TB, args ...string) string {
	t.Helper()
	cmd := n.Enter(t.Context(), args...)
	var out, log strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s on %s: %v\n%s%s", strings.Join(args, " "), n.Name, err, &out, &log)
	}
	return out.String()
}

// Apply has kubectl apply objects, as YAML or JSON.
func (n *Node) Apply(t testing.TB, objects string) {
	t.Helper()
	cmd := n.Enter(t.Context(), "kubectl", "apply", "-f", "-")
	cmd.Stdin = strings.NewReader(objects)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("kubectl apply on %s: %v\n%s", n.Name, err, out)
	}
}

// Install gives the node a copy of a program of the test machine, which needs no files that only that has. It is found by
// its name.
func (n *Node) Install(t testing.TB, program string) {
	t.Helper()
	text, err := os.ReadFile(program)
	if err == nil {
		err = os.MkdirAll(filepath.Join(n.Root, "opt/bin"), 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(n.Root, "opt/bin", filepath.Base(program)), text, 0o755)
	}
	if err != nil {
		t.Fatalf("install %s on %s: %v", program, n.Name, err)
	}
}

// DialContext connects to an IP address and port as a process on the node would.
func (n *Node) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	n.mu.Lock()
	m := n.running
	n.mu.Unlock()
	if m == nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: net.ErrClosed}
	}
	return m.ns.DialContext(ctx, network, address)
}
