package restore

import (
	"cmp"
	"context"
	"errors"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/kubeadm"
)

// listening is the URL of somebody who answers until end is called.
func listening(t *testing.T) (text string, end func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	return "https://" + l.Addr().String(), func() { l.Close() }
}

// A member that answers is in the way, at whichever of its URLs it does, and unless the caller says that it is none.
func TestAnotherMemberAnswers(t *testing.T) {
	living, _ := listening(t)
	const dead = "https://127.0.0.1:1"
	for name, members := range map[string][]kubeadm.Member{
		"at its peer URL":   {{Name: "cp1", PeerURLs: []string{dead}}, {Name: "cp2", PeerURLs: []string{dead, living}}},
		"at its client URL": {{Name: "cp2", PeerURLs: []string{dead}, ClientURLs: []string{living}}},
	} {
		t.Run(name, func(t *testing.T) {
			root, node := newNode(t)
			was := tree(t, root)
			_, err := Run(t.Context(), Host{Root: root}, New(node, noon, PlanOptions{Members: members}), newSource(t))
			says(t, err, "member cp2 still answers at "+living)
			if !errors.Is(err, ErrRefused) {
				t.Errorf("it is not refused: %v", err)
			}
			same(t, was, tree(t, root))
			trusted := New(node, noon, PlanOptions{Members: members, Alone: true})
			must(t, trusted.alone(t.Context(), members))
		})
	}
}

// Who else there was has to be known.
func TestMembersThatNobodyKnows(t *testing.T) {
	root, node := newNode(t)
	was := tree(t, root)
	_, err := Run(t.Context(), Host{Root: root}, New(node, noon, PlanOptions{}), newSource(t))
	says(t, err, "which other members the cluster had is not known")
	same(t, was, tree(t, root))
}

// The old cluster may come back while a restore is interrupted: then nothing is changed, and once that has gone it goes on.
func TestMemberThatComesBack(t *testing.T) {
	root, node := newNode(t)
	was := tree(t, root)
	living, end := listening(t)
	plan := New(node, noon, PlanOptions{Members: []kubeadm.Member{{Name: "cp2", PeerURLs: []string{living}}}})
	end()
	killedAt(t, root, plan, newSource(t), "journal: swap done")
	swapped := tree(t, root)
	l, err := net.Listen("tcp", strings.TrimPrefix(living, "https://"))
	must(t, err)
	_, err = Run(t.Context(), Host{Root: root, Limit: time.Second}, plan, newSource(t))
	says(t, err, "go on: member cp2 still answers")
	same(t, swapped, tree(t, root))
	must(t, l.Close())
	_, err = Rollback(t.Context(), Host{Root: root, Limit: time.Second}, "/var/lib/etcd", RollbackOptions{})
	must(t, err)
	same(t, was, tree(t, root))
}

// One that comes back while the restore runs keeps etcd from starting, and all goes back.
func TestMemberThatComesBackMeanwhile(t *testing.T) {
	root, node := newNode(t)
	was := tree(t, root)
	living, end := listening(t)
	plan := New(node, noon, PlanOptions{Members: []kubeadm.Member{{Name: "cp2", PeerURLs: []string{living}}}})
	end()
	var events []string
	_, err := Run(t.Context(), Host{Root: root, Limit: time.Second, Changed: func(what string) {
		if what == "journal: swap done" {
			l, err := net.Listen("tcp", strings.TrimPrefix(living, "https://"))
			must(t, err)
			t.Cleanup(func() { l.Close() })
		}
		events = append(events, what)
	}}, plan, newSource(t))
	says(t, err, "member cp2 still answers")
	says(t, err, "everything is as it was before")
	back := slices.IndexFunc(events, func(what string) bool { return strings.HasPrefix(what, "move back") })
	if undoing := slices.Index(events, "journal: undoing"); undoing < 0 || back < undoing {
		t.Errorf("etcd was started: %q", events)
	}
	same(t, was, tree(t, root))
}

// unit is a kubelet that may be none, or one that can't be started, and counts what it is told.
type unit struct {
	missing  error
	masked   error
	stopped  bool
	stops    int
	restarts int
}

func (u *unit) Check(context.Context) error { return u.missing }

func (u *unit) Stop(context.Context) error {
	u.stops++
	u.stopped = true
	return nil
}

func (u *unit) Restart(context.Context) error {
	u.restarts++
	err := cmp.Or(u.missing, u.masked)
	if err == nil {
		u.stopped = false
	}
	return err
}

// noRuntime is a socket where nobody answers.
type noRuntime struct{}

func (noRuntime) Running(context.Context, string) ([]string, error) {
	return nil, errors.New("list containers etcd: connection refused")
}
func (noRuntime) Pods(context.Context, string) ([]string, error) { return nil, nil }
func (noRuntime) StopPod(context.Context, string) error          { return nil }

func (noRuntime) Stop(context.Context, string, time.Duration) error { return nil }

// What is needed when all is stopped is tried before.
func TestHostIsTriedFirst(t *testing.T) {
	for want, host := range map[string]Host{
		"its unit kubelet is": {Kubelet: &unit{missing: errors.New("its unit kubelet is \"not-found\"")}},
		"connection refused":  {Containers: noRuntime{}},
	} {
		root, node := newNode(t)
		was := tree(t, root)
		host.Root, host.Limit = root, time.Second
		_, err := Run(t.Context(), host, New(node, noon, lone), newSource(t))
		says(t, err, want)
		if !errors.Is(err, ErrRefused) {
			t.Errorf("it is not refused: %v", err)
		}
		same(t, was, tree(t, root))
	}
}

// A manifest of a program that the plan knows nothing of is not there while etcd starts.
func TestOtherManifestsComeLast(t *testing.T) {
	root, node := newNode(t)
	const vip = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"vip"},"spec":{"containers":[{"name":"vip","image":"vip"}]}}`
	write(t, filepath.Join(root, "etc/kubernetes/manifests/vip.yaml"), vip)
	was, plan := tree(t, root), New(node, noon, lone)
	src := bringing(t, func(_, tree string) {
		for _, name := range []string{"manifests/kube-scheduler.yaml", "manifests/vip.yaml", "pki/ca.crt"} {
			write(t, filepath.Join(tree, "etc/kubernetes", name), "new")
		}
	})
	err := disturbed(t, root, plan, src, "journal: etcd began", func() {
		now := tree(t, root)
		if text, ok := now["etc/kubernetes/manifests/kube-scheduler.yaml"]; ok {
			t.Errorf("kube-scheduler is there: %s", text)
		}
		if text := now["etc/kubernetes/manifests/vip.yaml"]; text != "-rw------- "+vip {
			t.Errorf("the other manifest is %q", text)
		}
		if text := now["etc/kubernetes/pki/ca.crt"]; text != "-rw------- new" {
			t.Errorf("the CA is %q", text)
		}
	})
	says(t, err, "everything is as it was before")
	same(t, was, tree(t, root))

	m := &machine{journal: &journal{record: record{plan: plan}}, at: plan.places(root), host: Host{Changed: func(string) {}}}
	late := change{Path: "etc/kubernetes/manifests/vip.yaml"}
	write(t, late.fresh(plan, m.at), "new")
	must(t, late.knownBy(late.fresh(plan, m.at)))
	m.lines = []line{{Step: stepStage, State: done, Files: []change{late}}}
	must(t, m.startOthers())
	if text := tree(t, root)[late.Path]; text != "-rw------- new" {
		t.Errorf("in the end the manifest is %q", text)
	}
}
