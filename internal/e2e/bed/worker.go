package bed

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// A program that ended is started again after firstDelay, then after twice as long each time up to lastDelay, and
// after firstDelay once it has run for longer than lastDelay. A kubelet takes 10 s and 5 min for this.
const (
	firstDelay = 200 * time.Millisecond
	lastDelay  = 5 * time.Second
)

// worker keeps the program of one pod running.
type worker struct {
	runner *Runner
	pod    *pod
	stop   context.CancelFunc // ends it as a kubelet would
	kill   context.CancelFunc // ends it at once
	done   chan struct{}      // closed when it and its process have ended
	state  State              // guarded by the runner's mu
}

// newWorker starts to keep a pod running. The runner's mu is held.
func (r *Runner) newWorker(p *pod) *worker {
	w := &worker{runner: r, pod: p, done: make(chan struct{})}
	life, kill := context.WithCancel(context.Background())
	wanted, stop := context.WithCancel(life)
	w.stop, w.kill = stop, kill
	go func() {
		defer kill()
		w.keep(life, wanted)
		r.update(func() { close(w.done) })
	}()
	return w
}

func (w *worker) ended() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

// keep runs the pod's process, again and again while it is wanted.
func (w *worker) keep(life, wanted context.Context) {
	delay := firstDelay
	for wanted.Err() == nil {
		start := time.Now()
		err := w.run(life, wanted)
		w.runner.update(func() { w.state.PID, w.state.Err = 0, err })
		if time.Since(start) > lastDelay {
			delay = firstDelay
		}
		select {
		case <-wanted.Done():
		case <-time.After(delay):
		}
		delay = min(2*delay, lastDelay)
	}
}

// run runs one process until it ends. When it is not wanted any more it has the grace period of its pod to end, and
// when life ends none.
func (w *worker) run(life, wanted context.Context) error {
	node := w.runner.node
	if err := w.pod.prepare(node.Root); err != nil {
		return err
	}
	log, err := os.OpenFile(node.Log(w.pod.name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()

	cmd := exec.CommandContext(wanted, w.runner.programs[w.pod.program], w.pod.command(node.Root)...)
	cmd.Dir = node.Root
	cmd.Env = append([]string{"PATH=" + filepath.Join(node.Root, "usr/bin")}, w.pod.env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = w.pod.grace
	wait, err := node.Start(cmd)
	if err != nil {
		return err
	}
	w.runner.update(func() { w.state.PID, w.state.Starts = cmd.Process.Pid, w.state.Starts+1 })
	defer context.AfterFunc(life, func() { cmd.Process.Kill() })()
	return wait()
}
