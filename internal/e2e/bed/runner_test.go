package bed

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// etcdNode starts a node with nothing but etcd.
func etcdNode(t *testing.T) *Node {
	t.Helper()
	nodes, err := newNodes(t, 1, map[string]string{"etcd": peers.Etcd37.Path(t)})
	must(t, err)
	n := nodes[0]
	k := kubeadm{program: peers.Kubeadm.Path(t), node: n}
	must(t, k.phases(stuck(t), []string{"certs all", "etcd local"}))
	n.Pods.start()
	must(t, poll(stuck(t), n.etcdHealthy))
	return n
}

// bareNode starts a node without files, whose only program is the test executable, under the name play.
func bareNode(t *testing.T) *Node {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	nodes, err := newNodes(t, 1, map[string]string{"play": self})
	must(t, err)
	must(t, os.MkdirAll(filepath.Join(nodes[0].Root, manifests), 0o700))
	nodes[0].Pods.start()
	return nodes[0]
}

// playPod is a manifest in which the test executable plays role.
func playPod(name, role string) string {
	return "{metadata: {name: " + name + "}, spec: {terminationGracePeriodSeconds: 0, " +
		"containers: [{name: c, command: [play, --dir=/data/sub], env: [{name: " + playVariable + ", value: " + role + "}], " +
		"volumeMounts: [{name: v, mountPath: /data}]}], " +
		"volumes: [{name: v, hostPath: {path: /host/in, type: DirectoryOrCreate}}]}}"
}

func put(t *testing.T, n *Node, pod, text string) {
	t.Helper()
	must(t, os.WriteFile(n.manifest(pod), []byte(text), 0o600))
}

func TestRunnerFollowsTheManifest(t *testing.T) {
	n, ctx := etcdNode(t), stuck(t)
	client := n.EtcdClient(t)
	_, err := client.Put(ctx, "kept", "yes")
	must(t, err)
	first, _ := n.Pods.State("etcd")
	aside := filepath.Join(n.Root, "etc/kubernetes/etcd.yaml")

	t.Run("gone", func(t *testing.T) {
		must(t, os.Rename(n.manifest("etcd"), aside))
		must(t, n.Pods.WaitGone(ctx, "etcd"))
		if err := syscall.Kill(first.PID, 0); err != syscall.ESRCH {
			t.Errorf("signal 0 to the process of a pod that is gone: %v, want %v", err, syscall.ESRCH)
		}
		log, err := os.ReadFile(n.Log("etcd"))
		must(t, err)
		if !strings.Contains(string(log), "received signal; shutting down") {
			t.Error("etcd was not told to end: its log has no word of a signal")
		}
	})
	t.Run("back", func(t *testing.T) {
		must(t, os.Rename(aside, n.manifest("etcd")))
		must(t, n.Pods.WaitRunning(ctx, "etcd"))
		must(t, poll(ctx, n.etcdHealthy))
		if r, err := client.Get(ctx, "kept"); err != nil || r.Count != 1 {
			t.Errorf("after stop and start etcd has %v (%v), want the key that was put before", r, err)
		}
	})
	t.Run("changed", func(t *testing.T) {
		before, _ := n.Pods.State("etcd")
		must(t, editManifest(n, "etcd", strings.NewReplacer("--snapshot-count=10000", "--snapshot-count=5000")))
		must(t, n.Pods.Wait(ctx, "etcd", func(s State, _ bool) bool { return s.PID != 0 && s.PID != before.PID }))
		must(t, poll(ctx, n.etcdHealthy))
		running, err := processesIn(n.ns.ID)
		must(t, err)
		now, _ := n.Pods.State("etcd")
		if len(running) != 1 || !strings.Contains(running[now.PID], "--snapshot-count=5000") {
			t.Errorf("running: %v, want one etcd with the flag that the manifest has now", running)
		}
	})
	t.Run("killed", func(t *testing.T) {
		before, _ := n.Pods.State("etcd")
		must(t, syscall.Kill(before.PID, syscall.SIGKILL))
		must(t, n.Pods.Wait(ctx, "etcd", func(s State, _ bool) bool { return s.PID != 0 && s.PID != before.PID }))
		must(t, poll(ctx, n.etcdHealthy))
		if now, _ := n.Pods.State("etcd"); now.Starts != before.Starts+1 || !strings.Contains(now.Err.Error(), "killed") {
			t.Errorf("after one kill: %+v, want one start more than %d and what ended the last", now, before.Starts)
		}
	})
	t.Run("folder renamed", func(t *testing.T) {
		dir := filepath.Join(n.Root, manifests)
		must(t, os.Rename(dir, dir+".old"))
		must(t, n.Pods.WaitGone(ctx, "etcd"))
		must(t, os.Rename(dir+".old", dir))
		must(t, n.Pods.WaitRunning(ctx, "etcd"))
	})
}

func TestRunnerKillsAfterTheGracePeriod(t *testing.T) {
	n, ctx := bareNode(t), stuck(t)
	put(t, n, "a", playPod("a", "stubborn"))
	must(t, n.Pods.WaitRunning(ctx, "a"))
	must(t, poll(ctx, func(context.Context) error {
		log, err := os.ReadFile(n.Log("a"))
		if err == nil && len(log) == 0 {
			return os.ErrNotExist
		}
		return err
	}))
	must(t, os.Remove(n.manifest("a")))
	must(t, n.Pods.WaitGone(ctx, "a"))
	log, err := os.ReadFile(n.Log("a"))
	must(t, err)
	if got, want := string(log), "ready [--dir="+n.Root+"/host/in/sub]\n"; got != want {
		t.Errorf("the program saw %q, want %q", got, want)
	}
}

func TestRunnerRefuses(t *testing.T) {
	n := bareNode(t)
	for _, c := range []struct{ name, manifest, says string }{
		{"unknown", "{metadata: {name: unknown}, spec: {containers: [{name: c, command: [sleep, 1d]}]}}", `unknown program "sleep"`},
		{"garbage", "{", "read manifest garbage.yaml"},
		{"typo", "{metadata: {name: typo}, spec: {container: []}}", "container"},
		{"nameless", "{spec: {containers: [{name: c, command: [play]}]}}", "no name"},
		{"two", "{metadata: {name: two}, spec: {containers: [{name: c, command: [play]}, {name: d, command: [play]}]}}", "one container"},
		{"secret", "{metadata: {name: secret}, spec: {containers: [{name: c, command: [play], env: [{name: E, valueFrom: {}}]}]}}", "variable E"},
		{"mount", "{metadata: {name: mount}, spec: {containers: [{name: c, command: [play], volumeMounts: [{name: v, mountPath: /m}]}]}}", "volume named v"},
	} {
		t.Run(c.name, func(t *testing.T) {
			put(t, n, c.name, c.manifest)
			err := n.Pods.WaitRunning(stuck(t), c.name)
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "deadline") {
				t.Errorf("the error is %v, want one that says %q", err, c.says)
			}
		})
	}
	t.Run("second file of a pod", func(t *testing.T) {
		put(t, n, "a", playPod("a", "stubborn"))
		put(t, n, "b", playPod("a", "stubborn"))
		must(t, n.Pods.WaitRunning(stuck(t), "a"))
		must(t, n.Pods.Wait(stuck(t), "a", func(State, bool) bool { return n.Pods.refusal("b.yaml") != nil }))
	})
	t.Run("hidden file", func(t *testing.T) {
		put(t, n, ".hidden", playPod("hidden", "stubborn"))
		put(t, n, "seen", playPod("seen", "stubborn"))
		must(t, n.Pods.WaitRunning(stuck(t), "seen"))
		if s, exists := n.Pods.State("hidden"); exists {
			t.Errorf("a hidden file is a pod: %+v", s)
		}
	})
}

func TestRunnerTriesAgain(t *testing.T) {
	n, ctx := bareNode(t), stuck(t)
	t.Run("ended", func(t *testing.T) {
		put(t, n, "a", playPod("a", "idle")) // whose input is empty
		must(t, n.Pods.Wait(ctx, "a", func(s State, _ bool) bool { return s.Starts >= 3 }))
	})
	t.Run("not started", func(t *testing.T) {
		put(t, n, "b", strings.Replace(playPod("b", "stubborn"), "{path: /host/in, type: DirectoryOrCreate}", "{path: /late}", 1))
		must(t, n.Pods.Wait(ctx, "b", func(s State, _ bool) bool { return s.Err != nil }))
		must(t, os.Mkdir(filepath.Join(n.Root, "late"), 0o755))
		must(t, n.Pods.WaitRunning(ctx, "b"))
	})
}

func TestRunnerKeepsProgramsInTheRoot(t *testing.T) {
	n, ctx := bareNode(t), stuck(t)
	outside := t.TempDir()
	for _, link := range []struct{ pod, from, to string }{
		{"above", "host", outside},
		{"itself", "host/in", outside},
	} {
		t.Run(link.pod, func(t *testing.T) {
			from := filepath.Join(n.Root, link.from)
			must(t, os.RemoveAll(filepath.Join(n.Root, "host")))
			must(t, os.MkdirAll(filepath.Dir(from), 0o755))
			must(t, os.Symlink(link.to, from))
			put(t, n, link.pod, playPod(link.pod, "stubborn"))
			must(t, n.Pods.Wait(ctx, link.pod, func(s State, _ bool) bool { return s.Starts > 0 || s.Err != nil }))
			if s, _ := n.Pods.State(link.pod); s.Starts != 0 {
				t.Errorf("a program was started whose volume is a link out of the root: %+v", s)
			}
			if made, err := os.ReadDir(outside); err != nil || len(made) != 0 {
				t.Errorf("made outside the root: %v (%v)", made, err)
			}
			must(t, os.Remove(n.manifest(link.pod)))
			must(t, n.Pods.WaitGone(ctx, link.pod))
		})
	}
}

func TestWaitSaysHowFarThePodWas(t *testing.T) {
	n := bareNode(t)
	put(t, n, "a", playPod("a", "stubborn"))
	must(t, n.Pods.WaitRunning(stuck(t), "a"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	err := n.Pods.WaitGone(ctx, "a")
	if err == nil || !strings.Contains(err.Error(), "static pod a of cp1 (exists true") {
		t.Errorf("the error is %v, want the state of the pod", err)
	}
}
