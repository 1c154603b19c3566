package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// part is one thing that the drill cluster needs, and what to do where it does not work.
type part struct {
	name  string
	check func(ctx context.Context, dir string) error
	cure  string
}

// limit is for one part, and several times what a slow machine takes for the longest.
const limit = 20 * time.Second

// inside checks all parts in turn. Later ones build on earlier ones.
func inside(ctx context.Context, dir string) error {
	for _, p := range []part{
		{"programs", programs, "apt-get install iproute2 iptables containernetworking-plugins containerd runc"},
		{"private mounts", privateMounts, "use a virtual machine or a privileged container"},
		{"overlayfs", overlay, "use a kernel that has it, and a TMPDIR that is not on an overlayfs itself"},
		{"network namespaces, veth, bridge", network, "use a kernel that has veth and bridge, and all rights of root"},
		{"iptables with nat", packetFilter, "use a kernel that has nf_tables with NAT"},
		{"containerd and runc", container, "see that control groups are mounted and may be written to"},
	} {
		if err := p.try(ctx, dir); err != nil {
			return fmt.Errorf("%s: %w; %s", p.name, err, p.cure)
		}
		fmt.Println("works:", p.name)
	}
	return nil
}

func (p part) try(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return p.check(ctx, dir)
}

// needed are the programs of the drill cluster, apart from those that every Debian has.
var needed = []string{"ip", "iptables", "containerd", "ctr", "runc"}

// plugin is one of those that give pods their network. They are not in a folder of programs.
const plugin = "/usr/lib/cni/bridge"

func programs(context.Context, string) error {
	var missing []string
	for _, program := range needed {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, program)
		}
	}
	if _, err := os.Stat(plugin); err != nil {
		missing = append(missing, plugin)
	}
	if missing != nil {
		return fmt.Errorf("not installed: %s", strings.Join(missing, ", "))
	}
	return nil
}

// command runs a program and gives what it prints.
func command(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("run %s %s: %w: %s", name, strings.Join(args, " "), err, end(string(out)))
	}
	return string(out), nil
}

// end is the last lines of text, in one.
func end(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], " | ")
}
