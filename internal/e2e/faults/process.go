package faults

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
)

// Process is a running command that a test ends at a moment of its choice. Its methods are for the goroutine
// of the test.
type Process struct {
	t     testing.TB
	cmd   *exec.Cmd
	ended chan struct{}
}

// Start starts cmd. If it still runs at the end of the test it is killed, also when the test itself is killed.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	p := &Process{t, cmd, make(chan struct{})}
	started := make(chan error)
	go func() {
		// Pdeathsig is sent when the thread that started the process ends: this one stays until then.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait() // its error is in ProcessState
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-p.ended
	})
	return p
}

// Step watches what cmd, which is not started yet, prints. The channel is closed at the first line that begins with
// name: a command that reports its steps can be killed at one.
func Step(cmd *exec.Cmd, name string) <-chan struct{} {
	w := &stepWriter{name: name, reached: make(chan struct{})}
	cmd.Stdout = w
	return w.reached
}

type stepWriter struct {
	name    string
	line    []byte // the beginning of the current one, as far as it matters
	found   bool
	reached chan struct{}
}

func (w *stepWriter) Write(p []byte) (int, error) {
	for _, b := range p {
		if b == '\n' {
			w.line = w.line[:0]
		} else if len(w.line) < len(w.name)+1 {
			w.line = append(w.line, b)
		}
		if !w.found && string(w.line) == w.name {
			w.found = true
			close(w.reached)
		}
	}
	return len(p), nil
}

// Reached blocks until event or until the process has ended, and says whether the event came.
func (p *Process) Reached(event <-chan struct{}) bool {
	select {
	case <-event:
		return true
	case <-p.ended: // and with it all that it printed has been read
	}
	select {
	case <-event:
		return true
	default:
		return false
	}
}

// Await blocks until event. It ends the test as failed if the process ends first.
func (p *Process) Await(event <-chan struct{}) {
	p.t.Helper()
	if !p.Reached(event) {
		p.t.Fatalf("%s ended before the event that was waited for: %v", p.cmd.Path, p.cmd.ProcessState)
	}
}

// Wait waits until the process has ended, by itself or by somebody.
func (p *Process) Wait() *os.ProcessState {
	<-p.ended
	return p.cmd.ProcessState
}

// End sends the process a signal and waits until it has ended. It ends the test as failed if it had ended already.
func (p *Process) End(signal syscall.Signal) *os.ProcessState {
	p.t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		p.t.Fatalf("send %v to %s: %v", signal, p.cmd.Path, err)
	}
	return p.Wait()
}
