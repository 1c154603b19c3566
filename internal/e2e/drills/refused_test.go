package drills

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
)

// refused are restores that are not begun, or end before anything has stopped: the API answers all the time.
func refused(t *testing.T, s *Scene, set, recipient string) {
	s.Node.Output(t, "clustersnap", "restore", "prune", "--older-than", "0s")
	foreign := backUpOther(t, s, recipient)
	mixed := backUpWithOtherCA(t, s, recipient)
	for _, c := range []struct {
		name string
		args []string
		says string
	}{
		{"wrong kubelet", restoring(set, "--kubelet", "kublet"), "its unit kublet is"},
		{"wrong runtime", restoring(set, "--cri", "/run/crio/crio.sock"), "/run/crio/crio.sock"},
		{"other cluster", restoring(foreign), "the snapshot is of another cluster"},
		{"other CA", restoring(mixed), "/etc/kubernetes/admin.conf is of another CA than /etc/kubernetes/pki/ca.crt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer s.staysUp(t)()
			command.Bad(t, s.run(t, c.args...), 1, c.says)
			s.noTrace(t)
		})
	}
	t.Run("second manifest", func(t *testing.T) {
		// A kubelet that finds one ends etcd, and does not start it once that manifest has gone, before it is restarted itself
		// (kubernetes/kubernetes#107483).
		s.Node.Output(t, "systemctl", "stop", "kubelet")
		defer s.Node.Output(t, "systemctl", "start", "kubelet")
		s.shell(t, "cd /etc/kubernetes/manifests && cp etcd.yaml etcd-saved.yaml")
		defer s.shell(t, "rm /etc/kubernetes/manifests/etcd-saved.yaml")
		defer s.staysUp(t)()
		command.Bad(t, s.run(t, restoring(set)...), 1, "etcd-saved.yaml")
		s.noTrace(t)
	})
}

// backUpOther makes a set of another cluster.
func backUpOther(t *testing.T, s *Scene, recipient string) (onNode string) {
	t.Helper()
	other := bed.ControlPlane(t, bed.Options{})
	onNode = "/opt/foreign.clustersnap"
	file := filepath.Join(s.Node.Root, onNode)
	command.Good(t, command.RunOn(t, other, "backup", "--etcd-only", "--root", other.Root, "--to", file, "--recipient", recipient))
	return onNode
}

// backUpWithOtherCA makes a set of this cluster whose CA is another one.
func backUpWithOtherCA(t *testing.T, s *Scene, recipient string) (onNode string) {
	t.Helper()
	onNode = "/opt/mixed.clustersnap"
	s.shell(t, `mkdir -p /opt/mixed/etc && cp -a /etc/kubernetes /opt/mixed/etc/ && cd /opt/mixed/etc/kubernetes/pki &&
		cp front-proxy-ca.crt ca.crt && cp front-proxy-ca.key ca.key`)
	backup := s.Node.Enter(t.Context(), "clustersnap", "backup", "--etcd-only", "--root", "/opt/mixed", "--to", onNode, "--recipient", recipient)
	command.Bad(t, command.Of(t, backup, backup.Run), 1, "degraded", "cluster-ca") // which the backup sees, too
	return onNode
}

// staysUp holds, once it is called, that the API has answered since, and that no program of the control plane was started anew.
func (s *Scene) staysUp(t *testing.T) func() {
	t.Helper()
	pids := s.pids(t)
	client := s.Cluster.Kubernetes(t)
	ctx, cancel := context.WithCancel(t.Context())
	ask := func(ctx context.Context) error {
		_, err := client.CoreV1().Namespaces().Get(ctx, "default", metav1.GetOptions{})
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(pollEach)
		defer tick.Stop()
		for {
			if err := ask(ctx); err != nil && ctx.Err() == nil {
				t.Errorf("the API does not answer: %v", err)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		t.Helper()
		cancel()
		<-ended
		must(t, ask(stuck(t)))
		if now := s.pids(t); !reflect.DeepEqual(now, pids) {
			t.Errorf("the control plane has the processes %v, and had %v", now, pids)
		}
	}
}

func (s *Scene) pids(t *testing.T) map[string][]int {
	t.Helper()
	all := map[string][]int{}
	for _, program := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
		found, err := s.Node.Running(program)
		must(t, err)
		if len(found) == 0 {
			t.Errorf("%s does not run", program)
		}
		slices.Sort(found)
		all[program] = found
	}
	return all
}

// noTrace holds that a restore has left nothing but a journal that has ended.
func (s *Scene) noTrace(t *testing.T) {
	t.Helper()
	if lines := s.journal(t); len(lines) > 0 && lines[len(lines)-1] != "undone" {
		t.Errorf("the journal says %q", lines)
	}
	for _, pattern := range []string{"etc/kubernetes/.restore-*", "etc/kubernetes/pki/.*", "var/lib/etcd/.restore-*"} {
		found, err := filepath.Glob(filepath.Join(s.Node.Root, pattern))
		must(t, err)
		if len(found) > 0 {
			t.Errorf("left are %v", found)
		}
	}
}

// rolledBack are restores that fail once the control plane has stopped, and take everything back by themselves.
func rolledBack(t *testing.T, s *Scene, set string) {
	manifest := filepath.Join(s.Node.Root, "etc/kubernetes/manifests/etcd.yaml")
	for _, c := range []struct {
		name  string
		fails func(*testing.T, *Scene) command.Outcome
		says  string
	}{
		{"a manifest comes back", func(t *testing.T, s *Scene) command.Outcome {
			text, err := os.ReadFile(manifest)
			must(t, err)
			p := pace(t, s, restoring(set)...)
			p.reach(t, "fence done")
			must(t, os.WriteFile(manifest, text, 0o600))
			return p.wait(t)
		}, "a manifest has come back to /etc/kubernetes/manifests"},
		{"the kubelet stops no pod", func(t *testing.T, s *Scene) command.Outcome {
			s.Node.Output(t, "systemctl", "stop", "kubelet")
			p := pace(t, s, restoring(set, "--cri", "")...) // by which it would end them itself
			p.goOn()
			until(t, func(context.Context) error {
				if s.exists("etc/kubernetes/manifests/kube-apiserver.yaml") {
					return errors.New("the manifest is there")
				}
				return nil
			})
			s.interrupt(t)
			return p.wait(t)
		}, "to stop: interrupt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.Node.Output(t, "clustersnap", "restore", "prune", "--older-than", "0s")
			later := mark(t, s.Cluster.Kubernetes(t), "later-"+slug(c.name))
			o := c.fails(t, s)
			t.Log(strings.TrimSpace(o.Stderr))
			command.Bad(t, o, 1, c.says, "everything is as it was before")
			s.has(t, later.Name, true)
			s.acts(t)
		})
	}
}

// interrupt does what Ctrl-C does to a restore.
func (s *Scene) interrupt(t *testing.T) {
	t.Helper()
	pids, err := s.Node.Running("clustersnap")
	must(t, err)
	if len(pids) != 1 {
		t.Fatalf("processes of the command are %v", pids)
	}
	must(t, unix.Kill(pids[0], unix.SIGINT))
}
