// Package netns gives tests network namespaces: what listens in one, on whatever port, is not seen from anywhere else.
// A namespace has no name and leaves no trace when it goes. It needs Linux, root, and the command ip of iproute2.
package netns

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// OfThread is the network namespace of the thread that opens it.
const OfThread = "/proc/thread-self/ns/net"

// Namespace is a network namespace. It lasts until it is closed and nothing runs in it.
type Namespace struct {
	// ID is what the link /proc/PID/ns/net of a process in it reads.
	ID   string
	file *os.File
}

// New makes an empty namespace, whose loopback is down.
func New() (*Namespace, error) {
	var ns *Namespace
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("unshare network namespace: %w: it needs root", err)
		}
		var err error
		ns, err = open(OfThread)
		return err
	})
	return ns, err
}

// Of gives the namespace that a process is in.
func Of(pid int) (*Namespace, error) { return open(fmt.Sprintf("/proc/%d/ns/net", pid)) }

func open(path string) (*Namespace, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	id, err := os.Readlink(fmt.Sprintf("/proc/thread-self/fd/%d", file.Fd()))
	if err != nil {
		file.Close()
		return nil, err
	}
	return &Namespace{ID: id, file: file}, nil
}

// Close gives up the namespace, which ends with the last process in it.
func (ns *Namespace) Close() error { return ns.file.Close() }

// Do calls fn on a thread that is in the namespace. What fn starts on other goroutines is not.
func (ns *Namespace) Do(fn func() error) error {
	return onThread(func() error {
		if err := unix.Setns(int(ns.file.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter network namespace %s: %w", ns.ID, err)
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

// DialContext connects to an IP address and port as a process in the namespace would.
func (ns *Namespace) DialContext(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = ns.Do(func() error {
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Listen listens on an IP address and port in the namespace. The caller closes the listener.
func (ns *Namespace) Listen(network, address string) (listener net.Listener, err error) {
	err = ns.Do(func() error {
		listener, err = net.Listen(network, address)
		return err
	})
	return listener, err
}

// Start starts cmd in the namespace, to be killed when this process ends; wait is to be called once. The kernel kills
// a child when the thread that started it ends (PR_SET_PDEATHSIG in prctl(2)): here that thread waits for it.
func (ns *Namespace) Start(cmd *exec.Cmd) (wait func() error, err error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	started, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		err := ns.Do(func() error {
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

// IP has the command ip of iproute2 run lines in the namespace.
func (ns *Namespace) IP(lines ...string) error {
	cmd := exec.Command("ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n"))
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	wait, err := ns.Start(cmd)
	if err == nil {
		err = wait()
	}
	if err != nil {
		return fmt.Errorf("ip -batch %q: %w\n%s", lines, err, &out)
	}
	return nil
}

// Path is a name under which other processes find the namespace.
func (ns *Namespace) Path() string {
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), ns.file.Fd())
}
