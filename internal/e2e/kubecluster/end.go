package kubecluster

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// end ends the node and removes what is left of it.
func (n *Node) end(t testing.TB) {
	t.Helper()
	if t.Failed() {
		n.showLogs(t)
	}
	if err := n.PowerCut(); err != nil {
		t.Errorf("end %s: %v", n.Name, err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || strings.Contains(string(mounts), n.dir.Name()) { // or what is mounted would be emptied
		t.Errorf("a mount of %s has come out of its namespace (%v)", n.Name, err)
		return
	}
	if err := errors.Join(os.RemoveAll(n.dir.Name()), n.dir.Close()); err != nil {
		t.Errorf("remove files of %s: %v", n.Name, err)
	}
}

// showLogs prints the ends of the logs.
func (n *Node) showLogs(t testing.TB) {
	t.Helper()
	const lines = 30
	for _, pattern := range []string{"*.log", "pods/kube-system_*/*/*.log"} {
		files, _ := filepath.Glob(filepath.Join(n.Root, "var/log", pattern))
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Error(err)
			}
			all := strings.Split(strings.TrimSpace(string(text)), "\n")
			t.Logf("%s of %s ends with\n%s", strings.TrimPrefix(file, n.Root), n.Name, strings.Join(all[max(0, len(all)-lines):], "\n"))
		}
	}
}
