package drills

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/etcdsnap/restore"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/kubeadm/aftermath"
)

// saysWhatToDo holds what a restore has said in its end: it has restarted the one kubelet that there is, so nothing is to be
// acted on, and the workload keeps data on the node. So does the pod of the backup's own Job, as long as its end is not known
// again: the snapshot has it running.
func saysWhatToDo(t *testing.T, said string) {
	t.Helper()
	places := 1
	if strings.Contains(said, "  Job clustersnap/clustersnap-") {
		places = 2
	}
	for _, text := range []string{
		"nodes 1, pods ", fmt.Sprintf("findings: 0 to act on, %d to look at", places), "\nleader kube-controller-manager: cp1_",
		"\nleader kube-scheduler: cp1_", fmt.Sprintf("no backup holds what pods keep on their nodes; such places that are known: %d\n", places),
		"ReplicaSet default/web-", "keeps data in /srv/web of cp1",
	} {
		if !strings.Contains(said, text) {
			t.Errorf("the restore does not say %q", text)
		}
	}
}

// leftBehind puts an older etcd under the kubelet that goes on, in the way that leaves it behind, and does what the report of
// the command says.
func leftBehind(t *testing.T, s *Scene) {
	t.Helper()
	start := time.Now()
	s.startPod(t, "deleted")
	s.shell(t, etcdctl+"snapshot save /var/backups/behind.db")
	s.Node.Output(t, "kubectl", "delete", "pod", "deleted")
	s.Later(t)
	putBack(t, s, "var/backups/behind.db")

	want := []string{"kubelet-restart Node cp1", "phantom-pod Pod default/later", "lost-pod Pod default/deleted"}
	var said aftermath.Report
	until(t, func(ctx context.Context) error {
		said = reported(t, s)
		if got := toDo(&said); !slices.Equal(got, want) {
			return fmt.Errorf("the report says %q, want %q", got, want)
		}
		return nil
	})
	t.Logf("%6.1f s  the report says that the kubelet is behind", time.Since(start).Seconds())
	kubelet := said.Findings[0]
	for _, text := range []string{"runs 1 pod that etcd does not have", "does not run 1 pod that etcd has as running"} {
		if !strings.Contains(kubelet.What, text) {
			t.Errorf("of the kubelet it says %q, and not %q", kubelet.What, text)
		}
	}
	restart, _, _ := strings.Cut(kubelet.Next, " on the node")
	s.shell(t, restart)
	report := s.Node.Enter(t.Context(), "clustersnap", "restore", "report", "--settle", "3m")
	command.Good(t, command.Of(t, report, report.Run))
	s.WaitDropped(t)
	s.Node.Output(t, "kubectl", "wait", "--for=condition=Ready", "pod/deleted", "--timeout=3m")
	t.Logf("%6.1f s  the kubelet was restarted, and nothing is left to do", time.Since(start).Seconds())
}

// reported is what the command says of the cluster, nothing while it can't say anything.
func reported(t testing.TB, s *Scene) aftermath.Report {
	t.Helper()
	ask := s.Node.Enter(t.Context(), "clustersnap", "restore", "report", "-o", "json")
	o := command.Of(t, ask, ask.Run)
	var said struct{ Cluster aftermath.Report }
	if o.Stdout != "" {
		must(t, json.Unmarshal([]byte(o.Stdout), &said))
	}
	if n := len(toDo(&said.Cluster)); o.Stdout != "" && (n > 0) != (o.Code == 1) {
		t.Errorf("the command ends with %d, and there are %d findings to act on", o.Code, n)
	}
	return said.Cluster
}

// toDo are the findings to act on, in short.
func toDo(r *aftermath.Report) (list []string) {
	for _, f := range r.Findings {
		if f.Severity == aftermath.Act {
			list = append(list, fmt.Sprintf("%s %s", f.Kind, f.Object))
		}
	}
	return list
}

// putBack puts a snapshot in the place of etcd's data, without raising its revision, while the kubelet goes on.
func putBack(t *testing.T, s *Scene, snapshot string) {
	t.Helper()
	s.shell(t, "mkdir /etc/kubernetes/behind && mv /etc/kubernetes/manifests/*.yaml /etc/kubernetes/behind/")
	until(t, func(context.Context) error { // kube-apiserver has a grace of 30 s once the kubelet ends it
		for _, program := range []string{"kube-scheduler", "etcd"} {
			pids, err := s.Node.Running(program)
			if err == nil && len(pids) > 0 {
				err = fmt.Errorf("%s still runs", program)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	must(t, s.Node.Kill("kube-apiserver"))
	s.waitStopped(t)
	src, err := os.Open(filepath.Join(s.Node.Root, snapshot))
	must(t, err)
	defer src.Close()
	members := []restore.Member{{
		Name: s.Node.Name, PeerURLs: []string{"https://" + s.Node.Address + ":2380"},
		DataDir: filepath.Join(s.Node.Root, "var/lib/etcd"),
	}}
	_, err = restore.Restore(stuck(t), src, members, time.Minute, restore.Options{MoveAside: true, WatchesMissEvents: true})
	must(t, err)
	s.shell(t, "mv /etc/kubernetes/behind/*.yaml /etc/kubernetes/manifests/ && rmdir /etc/kubernetes/behind")
}
