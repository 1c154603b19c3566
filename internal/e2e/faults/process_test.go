package faults

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// recorder is a test that says what it would fail with.
type recorder struct {
	testing.TB
	fatal string
}

func (r *recorder) Fatalf(format string, args ...any) { r.fatal = format }
func (r *recorder) Helper()                           {}

func TestEndByASignal(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		cmd := exec.Command("sh", "-c", "echo first; echo second step; read forever")
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		defer stdin.Close()
		step := Step(cmd, "second")
		p := Start(t, cmd)
		p.Await(step)
		status := p.End(signal).Sys().(syscall.WaitStatus)
		if !status.Signaled() || status.Signal() != signal {
			t.Errorf("sent %v, the process ended with %v", signal, p.cmd.ProcessState)
		}
	}
}

// A step that never comes is no event.
func TestStepThatNeverComes(t *testing.T) {
	cmd := exec.Command("sh", "-c", "echo first; echo the second")
	step := Step(cmd, "second")
	p := Start(t, cmd)
	<-p.ended
	select {
	case <-step:
		t.Error("a line that does not begin with the name is taken for the step")
	default:
	}
}

func TestAwaitSeesAnEarlyEnd(t *testing.T) {
	p := Start(t, exec.Command("false"))
	r := &recorder{TB: t}
	p.t = r
	p.Await(make(chan struct{}))
	if !strings.Contains(r.fatal, "ended before") {
		t.Errorf("waiting for a process that has ended failed with %q", r.fatal)
	}
}

// holder is set for the process that the next test kills.
const holder = "CLUSTERSNAP_FAULTS_HOLDER"

func TestProcessesDieWithTheTest(t *testing.T) {
	if os.Getenv(holder) != "" {
		held := exec.Command("sleep", "1h")
		held.Stdout = os.Stdout
		Start(t, held)
		fmt.Println("started")
		select {}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestProcessesDieWithTheTest$")
	cmd.Env = append(os.Environ(), holder+"=1")
	stdout, out, err := os.Pipe() // cmd's own would be closed as soon as cmd has ended
	if err != nil {
		t.Fatal(err)
	}
	defer stdout.Close()
	cmd.Stdout = out
	p := Start(t, cmd)
	out.Close()
	lines := bufio.NewReader(stdout)
	if line, err := lines.ReadString('\n'); line != "started\n" {
		t.Fatalf("the holder said %q (%v)", line, err)
	}
	p.End(syscall.SIGKILL)
	io.Copy(io.Discard, lines) // ends when the held process has let go of its output
}
