package restore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Host is the machine of the node: what differs from one to another.
type Host struct {
	// Root is where the node's files are: "/" on the node itself.
	Root string
	// Kubelet is the service of the node's kubelet. Nil if it is none that can be restarted.
	Kubelet Kubelet
	// Containers are those of the node's runtime. Nil if there is none to be asked: then closed ports, the node's processes
	// and the lock of etcd's database are what says that a program has ended. Where Kubelet is given, too, that is stopped, and static pods are ended
	// without it; else it has to do that.
	Containers Containers
	// Limit is how long each wait may take: for a program to end, or to answer. 0 is 5 minutes.
	Limit time.Duration
	// Changed, if not nil, is called after each line of the journal and before each other change, with what it is.
	Changed func(what string)
	// Now is the clock, for the records and to judge certificates. Nil is [time.Now].
	Now func() time.Time
}

// Kubelet is the service that runs static pods.
type Kubelet interface {
	// Check is an error if Restart could not succeed, such as for a unit that is not there. It changes nothing.
	Check(ctx context.Context) error
	// Stop returns once the service does not run. The containers that it has started do.
	Stop(ctx context.Context) error
	// Restart returns once the service has been told, or has failed to start. It starts one that was stopped.
	Restart(ctx context.Context) error
}

// Systemd is a kubelet that systemd runs, under the name of its unit, such as "kubelet".
type Systemd string

// Check asks whether there is such a unit.
func (s Systemd) Check(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "systemctl", "show", "--property=LoadState", "--value", "--", string(s)).CombinedOutput()
	state := strings.TrimSpace(string(out))
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("ask systemd for the kubelet: %w: run this on the node itself, or without its kubelet", err)
	}
	if err != nil {
		return fmt.Errorf("ask systemd for the kubelet: %w: %.200q", err, state)
	}
	if state == "masked" {
		return fmt.Errorf("ask systemd for the kubelet: its unit %s is masked, and can't be started: unmask it", string(s))
	}
	if state != "loaded" {
		return fmt.Errorf("ask systemd for the kubelet: its unit %s is %.50q: give the name of the unit", string(s), state)
	}
	return nil
}

// Stop stops the unit.
func (s Systemd) Stop(ctx context.Context) error { return s.tell(ctx, "stop") }

// Restart restarts the unit.
func (s Systemd) Restart(ctx context.Context) error { return s.tell(ctx, "restart") }

func (s Systemd) tell(ctx context.Context, verb string) error {
	out, err := exec.CommandContext(ctx, "systemctl", verb, "--", string(s)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %.200q", verb, string(s), err, strings.TrimSpace(string(out)))
	}
	return nil
}

const (
	// defaultLimit is far above what a step takes: kube-apiserver's grace is 30 s, and a start takes less than that.
	defaultLimit = 5 * time.Minute
	// undoWaits bounds an automatic rollback, which goes on when the caller's context has ended, in waits of [Host].Limit: four
	// programs stop, the kubelet restarts, two programs answer, and one more for all else.
	undoWaits = 8
)

// withDefaults fills in what is not given.
func (h Host) withDefaults() (Host, error) {
	if h.Root == "" {
		return h, errors.New("no root of the node is given: \"/\" on the node itself")
	}
	if h.Limit == 0 {
		h.Limit = defaultLimit
	}
	if h.Now == nil {
		h.Now = time.Now
	}
	if h.Changed == nil {
		h.Changed = func(string) {}
	}
	return h, nil
}

// check tries what is needed later, when the control plane is stopped.
func (h Host) check(ctx context.Context, p *Plan) error {
	if h.Kubelet != nil {
		ctx, cancel := context.WithTimeout(ctx, askLimit)
		defer cancel()
		if err := h.Kubelet.Check(ctx); err != nil {
			return err
		}
	}
	if h.Containers == nil {
		return nil
	}
	h.Limit = min(h.Limit, askLimit)
	m := machine{host: h}
	return m.wait(ctx, "the container runtime to answer", func(ctx context.Context) error { // the node may just have booted
		_, err := h.Containers.Running(ctx, p.pods()[0].container)
		return err
	})
}

// Source gives what is restored. Both functions may be called again after a failure or a crash.
type Source struct {
	// Stage makes a data directory of etcd's that has one member, of the plan's name and peer URLs, from a snapshot that it
	// verifies: dir is there, empty, and of the owner of the old data directory. The old cluster may run meanwhile, and last is
	// the last revision that is known of it, 0 if none is: what is restored begins well above it. See Restore of
	// etcdsnap/restore, and LastRevision of its options.
	Stage func(ctx context.Context, dir string, last int64) (Staged, error)
	// Files makes the directory name in parent, where it is alone, with the node's files at their paths below it, their modes
	// and owners: see Extract of pkibundle. Those that differ from the node's take the place of those. Manifests of the
	// control plane are only taken where the node has none. Nil leaves the node's files as they are.
	//
	// What must fit together, such as the encryption keys and the snapshot, is checked here: see pkibundle/pair.
	Files func(ctx context.Context, parent *os.Root, name string) error
}

// Staged says what the data directory holds, so that the running etcd can be held against it.
type Staged struct {
	// Revision is the one that etcd starts at, Keys how many keys there are at that revision, and ClusterID etcd's, in
	// hexadecimal.
	Revision  int64  `json:"revision"`
	Keys      int64  `json:"keys"`
	ClusterID string `json:"clusterID"`
	// ClusterUID is the uid of the namespace kube-system in the snapshot. It may be empty only on a node without kube-apiserver.
	ClusterUID string `json:"clusterUID,omitempty"`
}

func (s Staged) check(p *Plan) error {
	switch {
	case s.Revision <= 0 || s.Keys <= 0 || s.ClusterID == "":
		return fmt.Errorf("stage does not say what it has made: revision %d, %d keys, cluster %q", s.Revision, s.Keys, s.ClusterID)
	case s.ClusterUID == "" && p.has(apiServer):
		return errors.New("stage does not say the uid of kube-system in the snapshot: is that one of a Kubernetes cluster?")
	}
	return nil
}
