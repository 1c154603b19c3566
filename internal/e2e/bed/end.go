package bed

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// end ends the node and holds that nothing of it is left.
func (n *Node) end(t testing.TB) {
	t.Helper()
	n.Pods.kill()
	if t.Failed() {
		n.showLogs(t)
	}
	left, err := processesIn(n.ns.ID)
	if err != nil {
		t.Errorf("look for processes of %s: %v", n.Name, err)
	}
	for pid, command := range left {
		t.Errorf("left in the network of %s and killed now: process %d, %s", n.Name, pid, command)
		syscall.Kill(pid, syscall.SIGKILL)
	}
	mounts, err := mountsBelow(n.Root)
	if err != nil {
		t.Errorf("look for mounts of %s: %v", n.Name, err)
	}
	for _, m := range mounts {
		t.Errorf("left mounted on %s: %s", n.Name, m)
	}
	if err := n.ns.Close(); err != nil {
		t.Error(err)
	}
	if len(mounts) == 0 { // or what is mounted would be emptied
		if err := errors.Join(os.RemoveAll(n.dir.Name()), n.dir.Close()); err != nil {
			t.Error(err)
		}
	}
}

// showLogs prints the ends of the logs.
func (n *Node) showLogs(t testing.TB) {
	t.Helper()
	const lines = 50
	files, _ := filepath.Glob(n.Log("*"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
		}
		all := strings.Split(strings.TrimSpace(string(text)), "\n")
		t.Logf("%s of %s ends with\n%s", filepath.Base(file), n.Name, strings.Join(all[max(0, len(all)-lines):], "\n"))
	}
}

// processesIn gives the processes in a network namespace and their command lines.
func processesIn(namespace string) (map[int]string, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	found := make(map[int]string)
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		dir := filepath.Join("/proc", e.Name())
		if id, err := os.Readlink(filepath.Join(dir, "ns/net")); err != nil || id != namespace {
			continue // another's, or it has ended meanwhile
		}
		command, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		found[pid] = string(bytes.ReplaceAll(bytes.TrimRight(command, "\x00"), []byte{0}, []byte{' '}))
	}
	return found, nil
}

// mountsBelow gives the mount points in a folder, that of the folder itself among them. See proc_pid_mountinfo(5).
func mountsBelow(dir string) ([]string, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			return nil, fmt.Errorf("mountinfo has a line %q", line)
		}
		if at := fields[4]; at == dir || strings.HasPrefix(at, dir+"/") {
			found = append(found, at)
		}
	}
	return found, nil
}
