package e2e

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/clustersnap/clustersnap/examples/demonode"
)

// A backup that dies in the middle of the snapshot leaves nothing under its name, and what it leaves
// beside is gone after the next one.
func TestKilledBackup(t *testing.T) {
	node := startNode(t)
	recipient, key := keyPair(t)
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			dir := t.TempDir()
			set := filepath.Join(dir, "set")
			stalled := stallEtcd(t, node, 1<<20)
			cmd := exec.Command(cliPath(t), "backup", "--root", node.Root, "--to", set, "--recipient", recipient)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			<-stalled
			if list, _ := os.ReadDir(dir); len(list) != 1 || list[0].Name() == "set" {
				t.Errorf("while the backup runs there is %v, want a partial file alone", list)
			}
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			cmd.Wait()
			if signal == syscall.SIGKILL {
				if _, err := os.Stat(set); err == nil {
					t.Error("the killed backup has its name")
				}
			} else {
				bad(t, outcome{cmd.ProcessState.ExitCode(), "", stderr.String()}, 1, "signal")
				empty(t, dir)
			}
			moveEtcd(t, node, node.Endpoint)
			good(t, run(t, "", "backup", "--root", node.Root, "--to", set, "--recipient", recipient))
			good(t, run(t, "", "verify", set, "--identity", key))
			if list, _ := os.ReadDir(dir); len(list) != 1 {
				t.Errorf("left beside the backup: %v", list)
			}
		})
	}
}

// stallEtcd puts a proxy before the node's etcd that stops once it has passed on n bytes
// from etcd. The channel is closed when it has.
func stallEtcd(t *testing.T, node *demonode.Node, n int64) <-chan struct{} {
	t.Helper()
	target, err := url.Parse(node.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	stalled := make(chan struct{})
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", target.Host)
			if err != nil {
				client.Close()
				return
			}
			t.Cleanup(func() { client.Close(); server.Close() })
			go io.Copy(server, client)
			go func() {
				if _, err := io.CopyN(client, server, n); err == nil {
					close(stalled)
					return // and leaves the connection open
				}
				client.Close()
			}()
		}
	}()
	moveEtcd(t, node, "https://"+listener.Addr().String())
	return stalled
}

// moveEtcd has the node's manifest say that etcd listens at endpoint.
func moveEtcd(t *testing.T, node *demonode.Node, endpoint string) {
	t.Helper()
	name := filepath.Join(node.Root, "etc/kubernetes/manifests/etcd.yaml")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	for i, line := range lines {
		if before, _, ok := strings.Cut(line, "--listen-client-urls="); ok {
			lines[i] = before + "--listen-client-urls=" + endpoint
		}
	}
	if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
}
