package bed

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/netns"
)

func TestNodesHaveNetworksOfTheirOwn(t *testing.T) {
	nodes, err := newNodes(t, 3, nil)
	must(t, err)
	first, err := nodes[0].Listen("tcp", "0.0.0.0:2379")
	must(t, err)
	defer first.Close()
	second, err := nodes[1].Listen("tcp", "0.0.0.0:2379") // the same port
	must(t, err)
	defer second.Close()

	for _, c := range []struct {
		from     *Node
		address  string
		listener net.Listener
	}{
		{nodes[0], "127.0.0.1:2379", first},
		{nodes[1], "127.0.0.1:2379", second},
		{nodes[0], nodes[0].Address + ":2379", first},
		{nodes[0], nodes[1].Address + ":2379", second},
		{nodes[1], nodes[0].Address + ":2379", first},
		{nodes[2], nodes[1].Address + ":2379", second},
	} {
		conn, err := c.from.DialContext(stuck(t), "tcp", c.address)
		if err != nil {
			t.Errorf("%s to %s: %v", c.from.Name, c.address, err)
			continue
		}
		accepted, err := c.listener.Accept()
		must(t, err)
		if got, want := accepted.RemoteAddr().String(), conn.LocalAddr().String(); got != want {
			t.Errorf("%s to %s: accepted from %s, want %s", c.from.Name, c.address, got, want)
		}
		accepted.Close()
		conn.Close()
	}
	if conn, err := nodes[2].DialContext(stuck(t), "tcp", "127.0.0.1:2379"); err == nil {
		conn.Close()
		t.Error("the third node reached a port that others listen on")
	}
	others, err := newNodes(t, 1, nil)
	must(t, err)
	if conn, err := others[0].DialContext(stuck(t), "tcp", nodes[0].Address+":2379"); err == nil {
		conn.Close()
		t.Error("a node of another network was reached")
	}
}

// Neither the threads of other goroutines nor the main thread, which /proc/PID shows, are in the namespace.
func TestThreadsStayOutside(t *testing.T) {
	nodes, err := newNodes(t, 1, nil)
	must(t, err)
	home, err := os.Readlink(netns.OfThread)
	must(t, err)
	for range 100 {
		must(t, nodes[0].ns.Do(func() error {
			inside, err := os.Readlink(netns.OfThread)
			main, _ := os.Readlink("/proc/self/ns/net")
			if inside != nodes[0].ns.ID || main != home {
				t.Errorf("the thread is in %s, the main thread in %s, want %s and %s", inside, main, nodes[0].ns.ID, home)
			}
			return err
		}))
		here := make(chan string)
		go func() {
			id, _ := os.Readlink(netns.OfThread)
			here <- id
		}()
		if id := <-here; id != home {
			t.Fatalf("a goroutine is in %s, want %s", id, home)
		}
	}
}

func TestStartedProcessIsInTheNetwork(t *testing.T) {
	nodes, err := newNodes(t, 1, nil)
	must(t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{playVariable + "=idle"}
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	wait, err := nodes[0].Start(cmd)
	must(t, err)
	_, err = bufio.NewReader(stdout).ReadString('\n')
	must(t, err)
	// The thread that started it must outlive it; see start.
	running, err := processesIn(nodes[0].ns.ID)
	must(t, err)
	if len(running) != 1 || running[cmd.Process.Pid] == "" {
		t.Errorf("in the network of the node: %v, want process %d", running, cmd.Process.Pid)
	}
	must(t, stdin.Close())
	must(t, wait())
	if _, err := nodes[0].Start(exec.Command("/no/such/program")); err == nil {
		t.Error("a program that does not exist was started")
	}
}
