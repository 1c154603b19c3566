package ctrlrestores

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
)

// One control plane takes all of it, one after the other.
func TestControlPlane(t *testing.T) {
	s := newScene(t)
	t.Run("kept back", func(t *testing.T) { s.on(t).keptBack() })
	t.Run("kept back by the command", func(t *testing.T) { s.on(t).keptBackByCommand() })
	t.Run("killed and rolled back at each step", func(t *testing.T) { s.on(t).killedRollback() })
	t.Run("etcd alone", func(t *testing.T) {
		s := s.on(t)
		defer s.etcdOnly()()
		t.Run("rolled back", func(t *testing.T) { s.on(t).rolledBack() })
		t.Run("killed at each line and rolled back", func(t *testing.T) { s.on(t).killedAtLines() })
		t.Run("data directory is a mount point", func(t *testing.T) { s.on(t).mounted() })
	})
	t.Run("killed and resumed at each step", func(t *testing.T) { s.on(t).killedResume() })
	t.Run("disaster", func(t *testing.T) { s.on(t).disaster() })
}

// disaster loses etcd's data and the node's files, manifests included, and gets all back with one command.
func (s *scene) disaster() {
	command.Good(s, s.command("prune", "--older-than", "0s")) // what is aside in the data directory that will be lost
	was := files(s, "etc/kubernetes")
	must(s, os.RemoveAll(s.path("etc/kubernetes")))
	for _, pod := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
		must(s, s.node.Pods.WaitGone(s.ctx, pod))
	}
	must(s, os.RemoveAll(s.path("var/lib/etcd")))
	planned := command.Good(s, s.command(s.set, "--identity", s.Identity))
	for _, text := range []string{"3. fence", "/var/lib/etcd/.restore-", "nothing was done"} {
		if !strings.Contains(planned.Stdout, text) {
			s.Errorf("the plan does not say %q:\n%s", text, planned.Stdout)
		}
	}
	if _, err := os.Stat(s.path("var/lib/etcd")); !errors.Is(err, fs.ErrNotExist) {
		s.Fatalf("after the plan: %v", err)
	}
	out := command.Good(s, s.command(s.set, "--identity", s.Identity, "--yes", "--kubelet", ""))
	s.isNew()
	s.same(was, files(s, "etc/kubernetes"))
	s.Log(out.Stdout)
	s.reported(out.Stdout)
	s.again()
	if strings.Contains(out.Stdout, "\nnote ") || strings.Count(out.Stdout, "took ") != 7 {
		s.Errorf("the command says\n%s", out.Stdout)
	}
	command.Bad(s, s.command("undo", "--kubelet", ""), 1, "no restore of this node is under way")
	command.Bad(s, s.command("prune"), 2, "give --older-than TIME")
	command.Good(s, s.command("prune", "--older-than", "0s"))
	if left := s.left(); len(left) != 0 {
		s.Errorf("left after prune: %q", left)
	}
}

// command runs clustersnap restore on the node.
func (s *scene) command(args ...string) command.Outcome {
	s.Helper()
	return command.RunOn(s, s.node, append(append([]string{"restore"}, args...), "--root", s.node.Root)...)
}

// files gives the visible files below a directory, with mode and content.
func files(s *scene, dir string) map[string]string {
	s.Helper()
	found := map[string]string{}
	must(s, filepath.WalkDir(s.path(dir), func(name string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.Name()[0] == '.' {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		text := info.Mode().String()
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			text += string(data)
		}
		found[name] = text
		return nil
	}))
	return found
}

// same holds two states of files against each other.
func (s *scene) same(was, now map[string]string) {
	s.Helper()
	for name := range was {
		if now[name] != was[name] {
			s.Errorf("%s is %.30q now, and was %.30q", name, now[name], was[name])
		}
	}
	for name := range now {
		if _, ok := was[name]; !ok {
			s.Errorf("%s is new", name)
		}
	}
}

// keptBack is what is refused before anything was stopped.
func (s *scene) keptBack() {
	pid := func() int { state, _ := s.node.Pods.State("etcd"); return state.PID }
	was, running := files(s, "etc/kubernetes"), pid()
	for _, c := range refusals {
		s.Run(c.name, func(t *testing.T) {
			s := s.on(t)
			task := s.task
			c.change(s, &task)
			out := s.perform(task)
			s.bad(out, c.says)
			if !out.Refused && c.name != "second manifest of a pod" {
				s.Errorf("the error is not ErrRefused: %s", out.Error)
			}
		})
		if left := s.left(); len(left) > 0 {
			s.Errorf("after %s: left are %q", c.name, left)
		}
	}
	s.same(was, files(s, "etc/kubernetes"))
	if pid() != running {
		s.Errorf("etcd had pid %d and has %d", running, pid())
	}
	s.isOld()
}
