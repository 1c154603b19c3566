package bed

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// threadNamespace is the network namespace of the thread that opens it.
const threadNamespace = "/proc/thread-self/ns/net"

// namespace is a network namespace without a name. It lasts until it is closed and nothing runs in it.
type namespace struct {
	file *os.File
	id   string // as the link /proc/PID/ns/net of a process in it reads
}

// newNamespace makes an empty namespace, whose loopback is down.
func newNamespace() (*namespace, error) {
	ns := new(namespace)
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("unshare network namespace: %w: it needs root", err)
		}
		var err error
		if ns.file, err = os.Open(threadNamespace); err != nil {
			return err
		}
		ns.id, err = os.Readlink(threadNamespace)
		return err
	})
	return ns, err
}

func (ns *namespace) close() error { return ns.file.Close() }

// do calls fn on a thread that is in the namespace. What fn starts on other goroutines is not.
func (ns *namespace) do(fn func() error) error {
	return onThread(func() error {
		if err := unix.Setns(int(ns.file.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter network namespace %s: %w", ns.id, err)
		}
		return fn()
	})
}

// onThread calls fn on a thread that ends after it, so that no other goroutine gets one in the wrong namespace.
func onThread(fn func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == os.Getpid() {
			// The main thread can't end, and /proc/PID is what it sees. While it waits here, fn gets another.
			defer runtime.UnlockOSThread()
			done <- onThread(fn)
			return
		}
		done <- fn()
	}()
	return <-done
}

// start starts cmd in the namespace, to be killed when this process ends; wait is to be called once. The kernel kills
// a child when the thread that started it ends (PR_SET_PDEATHSIG in prctl(2)): here that thread waits for it.
func (ns *namespace) start(cmd *exec.Cmd) (wait func() error, err error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	started, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		err := ns.do(func() error {
			if err := cmd.Start(); err != nil {
				return err
			}
			started <- nil
			ended <- cmd.Wait()
			return nil
		})
		started <- err // read only if nothing was started
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return func() error { return <-ended }, nil
}

// ip has the command ip of iproute2 run lines in the namespace.
func (ns *namespace) ip(lines ...string) error {
	cmd := exec.Command("ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n"))
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	wait, err := ns.start(cmd)
	if err == nil {
		err = wait()
	}
	if err != nil {
		return fmt.Errorf("ip -batch %q: %w\n%s", lines, err, &out)
	}
	return nil
}

// path is a name under which other processes find the namespace.
func (ns *namespace) path() string {
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), ns.file.Fd())
}
