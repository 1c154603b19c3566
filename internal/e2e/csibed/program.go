package csibed

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
)

// Program is a controller that a test may stop and start.
type Program struct {
	node *bed.Node
	path string
	args []string
	log  string // the file with all that it has printed

	process *os.Process // nil while it is stopped
	ended   chan error
}

// newProgram starts a program. The test ends it, shows the end of its log if it failed, and fails if it ended by itself.
func newProgram(t testing.TB, node *bed.Node, path string, args ...string) *Program {
	t.Helper()
	p := &Program{node: node, path: path, args: args, log: filepath.Join(t.TempDir(), filepath.Base(path)+".log")}
	p.Start(t)
	t.Cleanup(func() {
		p.Stop(t)
		if t.Failed() {
			p.showLog(t)
		}
	})
	return p
}

// Start starts the program unless it runs.
func (p *Program) Start(t testing.TB) {
	t.Helper()
	if p.process != nil {
		return
	}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(p.path, p.args...)
	cmd.Stdout, cmd.Stderr = log, log
	wait, err := p.node.Start(cmd)
	if err != nil {
		t.Fatalf("start %s: %v", filepath.Base(p.path), err)
	}
	p.process, p.ended = cmd.Process, make(chan error, 1)
	go func() { p.ended <- wait() }()
}

// Stop kills the program and returns when it is gone. One that has ended by itself makes the test fail.
func (p *Program) Stop(t testing.TB) {
	t.Helper()
	if p.process == nil {
		return
	}
	select {
	case err := <-p.ended:
		t.Errorf("%s has ended by itself: %v", filepath.Base(p.path), err)
	default:
		p.process.Signal(syscall.SIGKILL)
		<-p.ended
	}
	p.process = nil
}

// showLog prints the end of the log.
func (p *Program) showLog(t testing.TB) {
	const lines = 40
	text, err := os.ReadFile(p.log)
	if err != nil {
		t.Error(err)
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	t.Logf("%s ends with\n%s", filepath.Base(p.log), strings.Join(all[max(0, len(all)-lines):], "\n"))
}

// limits are the flags for a number of calls per second, none for the stock 5.
func limits(qps int) []string {
	if qps == 0 {
		return nil
	}
	return []string{fmt.Sprintf("--kube-api-qps=%d", qps), fmt.Sprintf("--kube-api-burst=%d", 2*qps)}
}
