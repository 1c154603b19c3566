package restore

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// kube-apiserver has not ended while a process of it runs, whatever its ports say.
func TestProcessThatDrains(t *testing.T) {
	m := resting(t)
	pod := m.plan.pods()[1]
	must(t, m.stopped(t.Context(), pod))
	sleep, err := exec.LookPath("sleep")
	must(t, err)
	program, err := os.ReadFile(sleep)
	must(t, err)
	file := filepath.Join(t.TempDir(), apiServer)
	must(t, os.WriteFile(file, program, 0o700))
	cmd := exec.Command(file, "60")
	must(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	says(t, m.stopped(t.Context(), pod), "runs it")
	must(t, os.Remove(m.manifest(pod)))
	says(t, m.untouched(t.Context()), "it was started while etcd is to run alone: kube-apiserver: process")
	must(t, cmd.Process.Kill())
	cmd.Wait()
	must(t, m.stopped(t.Context(), pod))
}

// Where its end could not be seen nothing is begun.
func TestEndThatIsNotSeen(t *testing.T) {
	m := resting(t)
	own, err := os.Readlink("/proc/self/ns/pid")
	must(t, err)
	_, c := newRuntime(t)
	if seen := own == firstNamespace; seen != (m.seeing(m.plan) == nil) {
		t.Errorf("all processes are seen: %v, and it says %v", seen, m.seeing(m.plan))
	}
	m.host.Containers = c
	must(t, m.seeing(m.plan))
	if !seesProcesses("/") {
		t.Error("the node's own processes are not seen")
	}
}
