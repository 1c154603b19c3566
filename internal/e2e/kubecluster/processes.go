package kubecluster

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Processes are those in the node's own network, which the control plane's pods are in and others are not: their command
// lines by number, as the test machine counts. A node without power has none.
func (n *Node) Processes() (map[int]string, error) {
	n.mu.Lock()
	m := n.running
	n.mu.Unlock()
	if m == nil {
		return nil, nil
	}
	return processesIn(m.ns.ID)
}

// Running are the processes of a program on the node, such as "etcd".
func (n *Node) Running(program string) ([]int, error) {
	all, err := n.Processes()
	var found []int
	for pid, command := range all {
		if name, _, _ := strings.Cut(command, " "); filepath.Base(name) == program {
			found = append(found, pid)
		}
	}
	return found, err
}

// Kill ends the processes of a program with SIGKILL. The kubelet may start it again.
func (n *Node) Kill(program string) error {
	pids, err := n.Running(program)
	for _, pid := range pids {
		if kerr := unix.Kill(pid, unix.SIGKILL); kerr != nil && kerr != unix.ESRCH {
			err = errors.Join(err, kerr)
		}
	}
	return err
}

// processesIn gives the processes in a network namespace and their command lines.
func processesIn(namespace string) (map[int]string, error) {
	links, err := filepath.Glob("/proc/[0-9]*/ns/net")
	if err != nil {
		return nil, err
	}
	found := make(map[int]string)
	for _, link := range links {
		if id, err := os.Readlink(link); err != nil || id != namespace {
			continue // another's, or it has ended meanwhile
		}
		dir := filepath.Dir(filepath.Dir(link))
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			return nil, err
		}
		command, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		found[pid] = string(bytes.ReplaceAll(bytes.TrimRight(command, "\x00"), []byte{0}, []byte{' '}))
	}
	return found, nil
}
