package kubecluster

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// bareNode starts a node on which kubeadm has not been.
func bareNode(t *testing.T) *Node {
	t.Helper()
	c := &Cluster{count: 1, tools: buildTools(t), secret: newSecrets()}
	must(t, c.plug(t))
	n, err := newNode(c, 1)
	must(t, err)
	t.Cleanup(func() { n.end(t) })
	must(t, n.Boot(stuck(t)))
	return n
}

// groupsOfNodes are the control groups of nodes on this machine.
func groupsOfNodes(t *testing.T) (found []string) {
	t.Helper()
	all, err := hierarchies()
	must(t, err)
	for _, h := range all {
		groups, err := filepath.Glob(filepath.Join(h.own, groupPrefix+"*"))
		must(t, err)
		found = append(found, groups...)
	}
	return found
}

func TestPowerCutLeavesNothing(t *testing.T) {
	n := bareNode(t)
	m := n.running
	running, err := n.Processes()
	must(t, err)
	if len(running) < 2 {
		t.Errorf("on the node there run %v, want the first process and containerd", running)
	}
	for _, f := range m.groups.folders {
		if text, err := os.ReadFile(filepath.Join(f.Name(), "cgroup.procs")); err != nil || len(text) == 0 {
			t.Errorf("no process is in %s (%v)", f.Name(), err)
		}
	}
	id, folders := m.ns.ID, m.groups.folders
	must(t, n.PowerCut())
	if left, err := processesIn(id); err != nil || len(left) != 0 {
		t.Errorf("left: %v (%v)", left, err)
	}
	for _, f := range folders {
		if _, err := os.Stat(f.Name()); err == nil {
			t.Errorf("left: %s", f.Name())
		}
	}
	must(t, n.PowerCut()) // there is none to cut
	must(t, n.Boot(stuck(t)))
	if n.Output(t, "hostname") != "cp1\n" {
		t.Error("after a boot it is not cp1")
	}
}

// A test process that is killed takes its nodes along. Their files and control groups go with the next.
func TestKilledTestLeavesNothing(t *testing.T) {
	const marker = "node "
	if os.Getenv("CLUSTERSNAP_KUBECLUSTER_VICTIM") != "" {
		n := bareNode(t)
		n.Output(t, "mkdir", "-p", "/sys/fs/cgroup/pids/pods/one")
		fmt.Printf("\n%s%s %s\n", marker, n.running.ns.ID, filepath.Base(n.running.groups.folders[0].Name()))
		io.Copy(io.Discard, os.Stdin)
		return
	}
	victim := exec.Command(os.Args[0], "-test.run=^TestKilledTestLeavesNothing$", "-test.v")
	tmp := t.TempDir()
	victim.Env = append(os.Environ(), "CLUSTERSNAP_KUBECLUSTER_VICTIM=1", "TMPDIR="+tmp)
	stdin, err := victim.StdinPipe()
	must(t, err)
	defer stdin.Close()
	stdout, err := victim.StdoutPipe()
	must(t, err)
	must(t, victim.Start())
	defer victim.Wait()
	defer victim.Process.Kill()

	var id, group string
	var said strings.Builder
	for lines := bufio.NewScanner(stdout); id == "" && lines.Scan(); {
		fmt.Fprintln(&said, lines.Text())
		if rest, ok := strings.CutPrefix(lines.Text(), marker); ok {
			id, group, _ = strings.Cut(rest, " ")
		}
	}
	running, err := processesIn(id)
	must(t, err)
	if len(running) < 2 {
		t.Fatalf("on the node there run %v; the test said\n%s", running, &said)
	}
	ends := make(map[string]int)
	for pid, command := range running {
		fd, err := unix.PidfdOpen(pid, 0)
		must(t, err)
		defer unix.Close(fd)
		ends[command] = fd
	}
	must(t, victim.Process.Kill())
	victim.Wait()
	for command, fd := range ends { // which can be read once the process has ended
		if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 10_000); n != 1 {
			t.Errorf("outlives the test process (poll: %v) and is killed now: %s", err, command)
			unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
		}
	}
	has := func(path string) bool { return filepath.Base(path) == group }
	if !slices.ContainsFunc(groupsOfNodes(t), has) {
		t.Errorf("there is no control group %s to be swept", group)
	}
	must(t, sweepGroups())
	if left := groupsOfNodes(t); slices.ContainsFunc(left, has) {
		t.Errorf("left: %v", left)
	}
	t.Setenv("TMPDIR", tmp)
	next, err := newNode(&Cluster{count: 1, tools: &tools{}}, 1)
	must(t, err)
	defer next.end(t)
	if left, err := filepath.Glob(filepath.Join(tmp, "."+folder+".*")); err != nil || len(left) != 1 || left[0] != next.dir.Name() {
		t.Errorf("left: %v (%v), want %s alone", left, err, next.dir.Name())
	}
}

// A node that lives is not swept, whoever sweeps.
func TestSweepLeavesTheLivingAlone(t *testing.T) {
	g, err := newGroups()
	must(t, err)
	must(t, sweepGroups())
	for _, f := range g.folders {
		if _, err := os.Stat(f.Name()); err != nil {
			t.Error(err)
		}
	}
	must(t, g.remove())
}

// What root writes on a node stays there: settings of the kernel that kubelets change, and files.
func TestNodeCanNotChangeTheMachine(t *testing.T) {
	settings := kernelSettings(t)
	n := bareNode(t)
	for name, value := range map[string]string{"vm/overcommit_memory": "1", "kernel/panic": "10", "kernel/panic_on_oops": "1"} {
		if got := n.Output(t, "cat", "/proc/sys/"+name); got != value+"\n" {
			t.Errorf("a kubelet would find %s at %q, and change it to %s", name, got, value)
		}
		n.Output(t, "sh", "-ec", "cat /proc/sys/"+name+" >/run/was; cat /run/was >/proc/sys/"+name)
	}
	if now := kernelSettings(t); now != settings {
		t.Errorf("settings of the test machine's kernel are %q, and were %q", now, settings)
	}
	const file = "/usr/libexec/clustersnap-test"
	n.Output(t, "touch", file)
	if _, err := os.Stat(file); err == nil {
		t.Errorf("%s of the node is on the test machine", file)
		os.Remove(file)
	}
	if got := n.Output(t, "cat", "/sys/class/net/eth0/address"); got == "" || n.Output(t, "ls", "/sys/class/net") != "eth0\nlo\n" {
		t.Errorf("the node sees links that are not its own: %s", n.Output(t, "ls", "/sys/class/net"))
	}
}

func TestBootSaysWhatWentWrong(t *testing.T) {
	n := bareNode(t)
	must(t, n.PowerCut())
	must(t, os.RemoveAll(filepath.Join(n.Root, "var/backups")))
	err := n.Boot(stuck(t))
	if err == nil || !strings.Contains(err.Error(), "boot cp1") || !strings.Contains(err.Error(), "var/backups") {
		t.Errorf("the error is %v, want one that names var/backups", err)
	}
	if n.running != nil {
		t.Error("it has power")
	}
}
