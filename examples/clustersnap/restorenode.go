package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/kubeadm/restore"
)

// restoreFlags say where the node is and what runs on it.
type restoreFlags struct {
	root, kubelet, cri string
	limit, settle      time.Duration
	alone              bool
	as                 output // of the plan
}

func (r *restoreFlags) flags(cmd *cobra.Command) {
	r.rootFlag(cmd)
	f := cmd.Flags()
	f.StringVar(&r.kubelet, "kubelet", "kubelet", "the kubelet's systemd `UNIT`, or \"\"")
	f.StringVar(&r.cri, "cri", usualSocket,
		"the container runtime's `SOCKET`, or \"\": by it static pods end at once, and those that a kubelet leaves "+
			"which was restarted without an API")
	f.DurationVar(&r.limit, "limit", 5*time.Minute, "how long each wait may take, a `TIME`")
}

func (r *restoreFlags) rootFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.root, "root", "/", "the `DIR` where the node's root is")
}

// aloneFlag is for what makes a member.
func (r *restoreFlags) aloneFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&r.alone, "alone", false, "no other member of the old cluster serves, or ever will: don't look for them")
}

// host is the node for the library. The caller calls end.
func (r *restoreFlags) host(out steps) (host restore.Host, end func(), err error) {
	host = restore.Host{Root: r.root, Limit: r.limit}
	host.Changed = func(what string) {
		if step, ok := strings.CutPrefix(what, "journal: "); ok {
			out.line("step", step)
		}
	}
	if r.kubelet != "" {
		host.Kubelet = restore.Systemd(r.kubelet)
	}
	end = func() {}
	socket, err := r.socket()
	if err != nil {
		return host, end, err
	}
	if socket != "" {
		cri, err := restore.DialCRI(socket)
		if err != nil {
			return host, end, err
		}
		host.Containers, end = cri, func() { cri.Close() }
	}
	return host, end, nil
}

// usualSocket stands for that of sockets which is there, on the node itself.
const usualSocket = "auto"

// sockets are where runtimes have theirs (cmd/kubeadm/app/constants/constants_unix.go in kubernetes/kubernetes).
var sockets = []string{"run/containerd/containerd.sock", "run/crio/crio.sock", "run/cri-dockerd.sock"}

// socket is the runtime's, empty for none. Below another root there is none that this process could reach.
func (r *restoreFlags) socket() (string, error) {
	switch {
	case r.cri != usualSocket:
		return r.cri, nil
	case r.root != "/":
		return "", nil
	}
	return oneSocket("/")
}

// oneSocket is the one of sockets that is below a directory.
func oneSocket(root string) (string, error) {
	var found []string
	for _, name := range sockets {
		if _, err := os.Stat(filepath.Join(root, name)); err == nil {
			found = append(found, filepath.Join(root, name))
		}
	}
	if len(found) > 1 {
		return "", fmt.Errorf("there is more than one container runtime: give --cri %s", strings.Join(found, " or "))
	}
	return strings.Join(found, ""), nil
}
