package bed

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/clustersnap/clustersnap/internal/durable"
)

// A test process that is killed takes its control plane along.
func TestKilledTestLeavesNothing(t *testing.T) {
	const marker = "namespace "
	if os.Getenv("CLUSTERSNAP_BED_VICTIM") != "" {
		n := ControlPlane(t, Options{})
		fmt.Printf("\n%s%s\n", marker, n.ns.ID)
		io.Copy(io.Discard, os.Stdin)
		return
	}
	victim := exec.Command(os.Args[0], "-test.run=^TestKilledTestLeavesNothing$", "-test.v")
	tmp := t.TempDir()
	victim.Env = append(os.Environ(), "CLUSTERSNAP_BED_VICTIM=1", "TMPDIR="+tmp)
	stdin, err := victim.StdinPipe()
	must(t, err)
	defer stdin.Close()
	stdout, err := victim.StdoutPipe()
	must(t, err)
	must(t, victim.Start())
	defer victim.Wait()
	defer victim.Process.Kill()

	var namespace string
	var said strings.Builder
	for lines := bufio.NewScanner(stdout); namespace == "" && lines.Scan(); {
		fmt.Fprintln(&said, lines.Text())
		namespace, _ = strings.CutPrefix(lines.Text(), marker)
		if namespace == lines.Text() {
			namespace = ""
		}
	}
	running, err := processesIn(namespace)
	must(t, err)
	if len(running) < 2 { // kube-controller-manager may be about to be started again
		t.Fatalf("in the network of the control plane: %v, want etcd and kube-apiserver; the test said\n%s", running, &said)
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
	if left, err := processesIn(namespace); err != nil || len(left) != 0 {
		t.Errorf("left: %v (%v)", left, err)
	}
	// The files go when the next test makes a node.
	next, err := durable.CreateDir(filepath.Join(tmp, folder))
	must(t, err)
	defer next.Close()
	if left, err := filepath.Glob(filepath.Join(tmp, "."+folder+".*")); err != nil || len(left) != 1 || left[0] != next.Name() {
		t.Errorf("left: %v (%v), want %s alone", left, err, next.Name())
	}
}

// findings takes what the end of a node finds.
type findings struct {
	testing.TB
	errors []string
}

func (f *findings) Errorf(format string, args ...any) {
	f.errors = append(f.errors, fmt.Sprintf(format, args...))
}

func TestEndFindsWhatIsLeft(t *testing.T) {
	found := &findings{TB: t}
	n, err := newNode("cp1", address(1), nil)
	must(t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{playVariable + "=stubborn"}
	wait, err := n.Start(cmd)
	must(t, err)
	mount := filepath.Join(n.Root, "mnt")
	must(t, os.Mkdir(mount, 0o755))
	must(t, unix.Mount("tmpfs", mount, "tmpfs", 0, "size=1m"))
	defer os.RemoveAll(n.dir.Name())
	defer unix.Unmount(mount, 0)

	n.end(found)
	if err := wait(); err == nil {
		t.Error("the process that was left ended by itself")
	}
	if len(found.errors) != 2 || !strings.Contains(found.errors[0], fmt.Sprintf("process %d", cmd.Process.Pid)) ||
		!strings.Contains(found.errors[1], mount) {
		t.Errorf("found %q, want the process %d and the mount %s", found.errors, cmd.Process.Pid, mount)
	}
}
