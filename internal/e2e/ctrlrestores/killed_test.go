package ctrlrestores

import (
	"slices"
	"strings"
	"time"

	"github.com/clustersnap/clustersnap/kubeadm/restore"
)

// rolledBack are restores that fail after the old etcd was stopped, and take everything back by themselves.
func (s *scene) rolledBack() {
	for _, c := range failures {
		was := files(s, "etc/kubernetes")
		task := s.task
		c.change(s, &task)
		out := s.perform(task)
		s.bad(out, c.says)
		if !strings.HasSuffix(out.Error, "everything is as it was before") || out.Report.State != "undone" {
			s.Errorf("%s: it is not rolled back: %s %+v", c.name, out.Error, *out.Report)
		}
		if !s.stored("before") || !s.stored("later") {
			s.Errorf("%s: there is before: %t, later: %t", c.name, s.stored("before"), s.stored("later"))
		}
		s.same(was, files(s, "etc/kubernetes"))
		s.pruned()
	}
}

// pruned removes what restores have left aside, which is all.
func (s *scene) pruned() {
	s.Helper()
	removed, err := restore.Prune(s.node.Root, "/var/lib/etcd", time.Now())
	if err != nil || len(removed) == 0 {
		s.Errorf("pruned %q: %v", removed, err)
	}
	if left := s.left(); len(left) != 0 {
		s.Errorf("left after Prune: %q", left)
	}
}

// killedRollback kills a restore once etcd runs with the new data, and then its rollback at each of its steps.
func (s *scene) killedRollback() {
	s.killedAtEach(s.task, "journal: api began")
	back := s.task
	back.RollBack = true
	s.bad(s.perform(back), "kube-apiserver was started")
	back.LoseWrites = true
	seen := s.killedAtEach(back, "")
	s.isOld()
	s.Logf("killed at %q", seen)
	if left := s.left(); len(left) != 0 {
		s.Errorf("left after the rollback: %q", left)
	}
	if out := s.perform(back); !out.None {
		s.Errorf("a second rollback says %q", out.Error)
	}
}

// killedResume kills a restore at each of its steps, and goes on.
func (s *scene) killedResume() {
	seen := s.killedAtEach(s.task, "")
	s.Logf("killed at %q", seen)
	s.isNew()
}

func (t task) killing(at int) task {
	t.Kill = at
	return t
}

// killedAtEach does a task in processes of which each is killed at the first thing that it does and that no other one has
// done, until one has nothing left to do, or was killed at the event that is to be the last.
func (s *scene) killedAtEach(t task, last string) (seen []string) {
	s.Helper()
	for number := 1; ; {
		out := s.perform(t.killing(number))
		if !out.killed {
			if out.Error != "" && !(out.None && t.RollBack) { // the one before was killed after its last line
				s.Fatalf("after %q: %s", seen, out.Error)
			}
			return seen
		}
		event := out.Events[0]
		if slices.Contains(seen, event) { // done again, since the one before was killed
			number++
			continue
		}
		seen, number = append(seen, event), 1
		if event == last {
			return seen
		}
	}
}
