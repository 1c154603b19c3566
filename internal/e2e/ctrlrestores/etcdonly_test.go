package ctrlrestores

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// etcdOnly leaves the node its etcd alone, as one of an external etcd that kubeadm has set up, until back is called.
func (s *scene) etcdOnly() (back func()) {
	s.Helper()
	pods := []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler"}
	for _, pod := range pods {
		must(s, os.Rename(s.manifest(pod), s.path("etc/kubernetes/"+pod)))
	}
	for _, pod := range pods {
		must(s, s.node.Pods.WaitGone(s.ctx, pod))
	}
	s.Bundle = "" // it has the manifests, too
	return func() {
		for _, pod := range pods {
			must(s, os.Rename(s.path("etc/kubernetes/"+pod), s.manifest(pod)))
		}
		// One that comes up while a restore looks around is taken for another control plane's.
		must(s, s.node.WaitAPI(s.ctx))
	}
}

// stored reports whether etcd has the Secret of a name.
func (s *scene) stored(name string) bool {
	s.Helper()
	must(s, s.node.WaitEtcd(s.ctx))
	got, err := s.node.EtcdClient(s).Get(s.ctx, "/registry/secrets/default/"+name)
	must(s, err)
	return got.Count == 1
}

// killedAtLines kills a restore at each line of its journal, and rolls it back.
func (s *scene) killedAtLines() {
	was := files(s, "etc/kubernetes")
	back := s.task
	back.RollBack = true
	tried := 0
	for at := 1; ; at++ {
		out := s.perform(s.task.killing(at))
		if !out.killed {
			s.Fatalf("the restore was not killed at event %d: %+v", at, out)
		}
		event := out.Events[0]
		if event == "journal: kubelet began" { // etcd is in use
			s.bad(s.perform(back), "kube-apiserver was started")
			back.LoseWrites = true
		}
		if !strings.HasPrefix(event, "journal: ") && !strings.HasPrefix(event, "move ") {
			s.good(s.task.rollingBack())
			continue
		}
		tried++
		s.good(back)
		if !s.stored("before") || !s.stored("later") {
			s.Errorf("killed at %s and rolled back, there is before: %t, later: %t", event, s.stored("before"), s.stored("later"))
		}
		s.same(was, files(s, "etc/kubernetes"))
		if left := s.left(); len(left) > 0 {
			s.Errorf("killed at %s and rolled back, left are %q", event, left)
		}
		if back.LoseWrites {
			break
		}
	}
	if tried < 12 {
		s.Errorf("only %d lines were tried", tried)
	}
}

func (t task) rollingBack() task {
	t.RollBack = true
	return t
}

// mounted restores into a data directory that is a file system of its own, and can't be renamed.
func (s *scene) mounted() {
	data, away := s.path("var/lib/etcd"), filepath.Join(s.TempDir(), "etcd.yaml")
	must(s, os.Rename(s.manifest("etcd"), away))
	must(s, s.node.Pods.WaitGone(s.ctx, "etcd"))
	must(s, syscall.Mount("tmpfs", data, "tmpfs", 0, "size=1g,mode=0700"))
	restart := func() { must(s, os.Rename(away, s.manifest("etcd"))) }
	defer func() {
		must(s, os.Rename(s.manifest("etcd"), away))
		must(s, s.node.Pods.WaitGone(s.ctx, "etcd"))
		must(s, syscall.Unmount(data, 0))
		restart()
		must(s, s.node.WaitEtcd(s.ctx))
	}()
	restart() // with an empty directory, in which etcd begins a cluster
	must(s, s.node.WaitEtcd(s.ctx))
	if s.stored("before") {
		s.Fatal("the file system is not empty")
	}
	full := s.task
	full.Options.Room = 2 << 30
	s.bad(s.perform(full), " MiB are free and 2048 MiB are needed")
	s.good(s.task)
	if !s.stored("before") || s.stored("later") {
		s.Errorf("there is before: %t, later: %t", s.stored("before"), s.stored("later"))
	}
	s.pruned()
}
