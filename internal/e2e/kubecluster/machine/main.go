// Command machine is the first process of a node of package kubecluster, which starts it in namespaces of its own. It
// makes the file system of the node and keeps containerd and kubelet running. As systemctl it is the client of that.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/clustersnap/clustersnap/internal/e2e/kubecluster/spec"
)

func init() { runtime.LockOSThread() } // main runs on the main thread, whose namespaces are those of what it executes

func main() {
	if filepath.Base(os.Args[0]) == "systemctl" {
		os.Exit(systemctl(os.Args[1:]))
	}
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "machine: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "wait":
		return wait()
	case len(args) == 2 && args[0] == "be":
		machine := new(spec.Machine)
		if err := json.Unmarshal([]byte(args[1]), machine); err != nil {
			return err
		}
		return be(machine)
	}
	return errors.New("tests start it")
}

// wait waits until the test has put this process into its control groups and given it its network, and takes the groups
// for the roots of the hierarchies from then on. The process begins anew, because only one thread is told.
func wait() error {
	text, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		return fmt.Errorf("read what to be: %w", err)
	}
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("make cgroup namespace: %w", err)
	}
	return syscall.Exec("/proc/self/exe", []string{"machine", "be", text}, os.Environ())
}

// be is the life of the node. It ends with SIGKILL.
func be(machine *spec.Machine) error {
	if err := syscall.Sethostname([]byte(machine.Name)); err != nil {
		return err
	}
	if err := mountAll(machine); err != nil {
		return err
	}
	ip := exec.Command("ip", "-batch", "-")
	ip.Stdin = strings.NewReader(strings.Join(machine.Network, "\n"))
	if out, err := ip.CombinedOutput(); err != nil {
		return fmt.Errorf("set up network: %w: %s", err, out)
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil {
		return err
	}
	units := newUnits()
	if err := units.serve(); err != nil {
		return err
	}
	units.keep()
	if err := containerdAnswers(); err != nil {
		return err
	}
	fmt.Println(spec.Ready)
	select {}
}
