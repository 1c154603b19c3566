// Command probe checks that this machine can carry the drill cluster of the test bed: network namespaces joined by a
// bridge, private mounts, overlayfs, iptables, containerd and runc. It needs root, the programs of these,
// and a build without cgo, since it runs itself in a container.
//
//	CGO_ENABLED=0 go run ./probe
//
// It prints one line per part that works, and exits with 1 and one sentence at the first that does not. All that it
// starts or mounts is inside namespaces that die with one process, whatever ends that; files go to one temporary
// directory, which only SIGKILL lets stay. It looks for traces of itself at the end: what it can't remove is a
// failure too.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

const prefix = "probe: "

// The arguments with which the probe runs itself.
const (
	insideArg    = "inside"    // the new namespaces, with a directory as second argument
	containerArg = "container" // the container
)

// greeting is what the container prints.
const greeting = "the probe runs in a container"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "%s%v\n", prefix, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 0:
		return outside(ctx)
	case len(args) == 2 && args[0] == insideArg:
		return inside(ctx, args[1])
	case len(args) == 1 && args[0] == containerArg:
		fmt.Println(greeting)
		return nil
	}
	return errors.New("it takes no arguments: run it alone")
}

// outside makes the namespaces, waits for what happens in them, and looks for traces.
func outside(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return errors.New("it makes namespaces and mounts: run it as root")
	}
	dir, err := os.MkdirTemp("", "clustersnap-probe-")
	if err != nil {
		return fmt.Errorf("make a temporary directory: %w", err)
	}
	return errors.Join(enter(ctx, dir), leave(dir))
}

// enter runs the probe again, in namespaces of its own. That process is the first of a process namespace: when it
// ends, the kernel ends all others, and the mounts and the networks go with the last of them.
func enter(ctx context.Context, dir string) error {
	runtime.LockOSThread() // Pdeathsig is sent when the thread that started the child ends
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", insideArg, dir)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = os.Stdout, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		Pdeathsig:  syscall.SIGKILL,
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("make mount, process and network namespaces: %w; use a virtual machine or a privileged container", err)
	}
	err := cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case said.Len() > 0:
		return errors.New(strings.TrimPrefix(strings.TrimSpace(said.String()), prefix))
	}
	return err
}

// leave removes dir and what the container had in the control groups, and names what is still there.
func leave(dir string) error {
	var errs []error
	for _, pattern := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/*"} { // v2, v1
		groups, _ := filepath.Glob(filepath.Join(pattern, cgroup(dir)))
		for _, group := range groups {
			if err := syscall.Rmdir(group); err != nil {
				errs = append(errs, fmt.Errorf("remove control group %s: %w", group, err))
			}
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if strings.Contains(string(mounts), dir) {
		err = fmt.Errorf("a mount below %s has come out of its namespace: unmount it", dir)
	}
	if err != nil {
		return errors.Join(append(errs, err)...) // to remove through a mount could remove the machine's files
	}
	return errors.Join(append(errs, os.RemoveAll(dir))...)
}
