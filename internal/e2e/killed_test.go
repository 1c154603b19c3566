package e2e

import (
	"bytes"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/clustersnap/clustersnap/examples/demonode"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
)

// A backup that dies in the middle of the snapshot leaves nothing under its name, and what it leaves
// beside is gone after the next one.
func TestKilledBackup(t *testing.T) {
	// A run under nohup or in the background would hand down that it ignores these, and the command obeys.
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGHUP, syscall.SIGINT)
	defer signal.Stop(heard)
	node := startNode(t)
	recipient, key := command.KeyPair(t)
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			dir := t.TempDir()
			set := filepath.Join(dir, "set")
			stalled := proxyEtcd(t, node).StallAfter(1 << 20)
			cmd := exec.Command(command.Path(t), "backup", "--etcd-only", "--root", node.Root, "--to", set, "--recipient", recipient)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			backup := faults.Start(t, cmd)
			backup.Await(stalled)
			if list, _ := os.ReadDir(dir); len(list) != 1 || list[0].Name() == "set" {
				t.Errorf("while the backup runs there is %v, want a partial file alone", list)
			}
			ended := backup.End(sig)
			if sig == syscall.SIGKILL {
				if _, err := os.Stat(set); err == nil {
					t.Error("the killed backup has its name")
				}
			} else {
				command.Bad(t, command.Outcome{Code: ended.ExitCode(), Stderr: stderr.String()}, 1, "signal")
				empty(t, dir)
			}
			moveEtcd(t, node, node.Endpoint)
			command.Good(t, command.Run(t, "", "backup", "--etcd-only", "--root", node.Root, "--to", set, "--recipient", recipient))
			command.Good(t, command.Run(t, "", "verify", set, "--identity", key))
			if list, _ := os.ReadDir(dir); len(list) != 1 {
				t.Errorf("left beside the backup: %v", list)
			}
		})
	}
}

// Killed right after any of its steps, a backup is there and good, or not there.
func TestBackupKilledAtEachStep(t *testing.T) {
	node := startNode(t)
	recipient, key := command.KeyPair(t)
	for _, step := range []string{"node", "etcd", "pki", "set"} {
		t.Run(step, func(t *testing.T) {
			dir := t.TempDir()
			set := filepath.Join(dir, "set")
			cmd := exec.Command(command.Path(t), "backup", "--etcd-only", "--root", node.Root, "--to", set, "--recipient", recipient)
			reached := faults.Step(cmd, step)
			backup := faults.Start(t, cmd)
			if !backup.Reached(reached) {
				t.Fatalf("the backup ended before its step %s", step)
			}
			cmd.Process.Signal(syscall.SIGKILL) // it may have come to its end
			backup.Wait()
			if _, err := os.Stat(set); err != nil {
				command.Good(t, command.Run(t, "", "backup", "--etcd-only", "--root", node.Root, "--to", set, "--recipient", recipient))
			}
			command.Good(t, command.Run(t, "", "verify", set, "--identity", key))
			if list, _ := os.ReadDir(dir); len(list) != 1 {
				t.Errorf("left beside the backup: %v", list)
			}
		})
	}
}

// proxyEtcd puts a proxy before the node's etcd.
func proxyEtcd(t *testing.T, node *demonode.Node) *faults.Proxy {
	t.Helper()
	target, err := url.Parse(node.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := faults.NewProxy(t, target.Host, faults.ProxyOptions{})
	moveEtcd(t, node, "https://"+proxy.Addr())
	return proxy
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
