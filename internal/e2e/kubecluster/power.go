package kubecluster

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/clustersnap/clustersnap/internal/e2e/kubecluster/spec"
	"github.com/clustersnap/clustersnap/internal/e2e/netns"
)

// Boot starts a node that has no power, and returns once containerd answers. What the kubelet starts follows.
func (n *Node) Boot(ctx context.Context) error {
	m, err := n.boot(ctx)
	if err != nil {
		return fmt.Errorf("boot %s: %w", n.Name, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.running = m
	return nil
}

func (n *Node) boot(ctx context.Context) (*machine, error) {
	n.booted = time.Now()
	g, err := newGroups()
	if err != nil {
		return nil, err
	}
	m := &machine{groups: g}
	in, out, err := n.launch(m)
	if err != nil {
		return nil, errors.Join(err, g.remove())
	}
	defer in.Close()
	defer out.Close()
	defer context.AfterFunc(ctx, m.end)()
	if err := n.wire(m, in); err != nil {
		return nil, errors.Join(err, m.cut())
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if strings.TrimSpace(line) != spec.Ready {
		return nil, errors.Join(ctx.Err(), fmt.Errorf("the first process ended (%v): %s", err, n.lastWords()), m.cut())
	}
	return m, nil
}

// launch starts the first process, which waits for its specification.
func (n *Node) launch(m *machine) (in io.WriteCloser, out io.ReadCloser, err error) {
	log, err := os.OpenFile(n.machineLog(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, err
	}
	defer log.Close()
	cmd := exec.Command(n.cluster.tools.machine, "wait")
	cmd.Dir, cmd.Env, cmd.Stderr = "/", environment(), log
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET |
		syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC}
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer theirIn.Close()
	out, theirOut, err := os.Pipe()
	if err != nil {
		return nil, nil, errors.Join(err, in.Close())
	}
	defer theirOut.Close()
	cmd.Stdin, cmd.Stdout = theirIn, theirOut
	wait, err := n.cluster.hub.Start(cmd) // whose thread lives as long as the process
	if err != nil {
		return nil, nil, errors.Join(err, in.Close(), out.Close())
	}
	m.pid, m.end, m.ended = cmd.Process.Pid, func() { cmd.Process.Kill() }, make(chan error, 1)
	go func() { m.ended <- wait() }()
	return in, out, nil
}

// wire gives the first process its control groups and its link to the others, and tells it what to be.
func (n *Node) wire(m *machine, in io.Writer) error {
	if err := m.groups.take(m.pid); err != nil {
		return err
	}
	ns, err := netns.Of(m.pid)
	if err != nil {
		return err
	}
	m.ns = ns
	n.boots++ // the link of the last time may still be going
	link := fmt.Sprintf("%s-%d", n.Name, n.boots)
	if err := n.cluster.hub.IP(
		fmt.Sprintf("link add %s type veth peer name eth0 netns %s", link, ns.Path()),
		fmt.Sprintf("link set %s master br0 up", link),
	); err != nil {
		return err
	}
	return json.NewEncoder(in).Encode(spec.Machine{
		Name: n.Name, Dir: n.dir.Name(), Kept: kept, Programs: n.cluster.tools.programs, Groups: m.groups.specs(), Network: n.lines(),
	})
}

// PowerCut ends all of the node at once. Its Root stays, and nothing that was in memory does.
func (n *Node) PowerCut() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.running == nil {
		return nil
	}
	err := n.running.cut()
	n.running = nil
	return err
}

// cut kills the first process, and with it the kernel all others of its process namespace before wait returns.
func (m *machine) cut() error {
	m.end()
	<-m.ended
	var err error
	if m.ns != nil {
		err = m.ns.Close()
	}
	return errors.Join(err, m.groups.remove())
}

func (n *Node) machineLog() string { return filepath.Join(n.Root, "var/log/machine.log") }

// lastWords are what the first process has complained of.
func (n *Node) lastWords() string {
	text, _ := os.ReadFile(n.machineLog())
	return strings.TrimSpace(string(text))
}
