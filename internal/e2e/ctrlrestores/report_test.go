package ctrlrestores

import (
	"encoding/json"
	"os"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/kubeadm/aftermath"
	"github.com/clustersnap/clustersnap/kubeadm/restore"
)

// reported holds what a restore has said in its end, and what can be asked from then on.
func (s *scene) reported(said string) {
	s.Helper()
	for _, text := range []string{"the control plane runs", "findings: 0 to act on"} {
		if !strings.Contains(said, text) {
			s.Errorf("the restore does not say %q", text)
		}
	}
	again := command.Good(s, s.command("report")).Stdout
	if !strings.HasPrefix(again, "restore   2") || !strings.Contains(again, " s: stage ") ||
		!strings.Contains(again, "findings: 0 to act on") {
		s.Errorf("the report is\n%s", again)
	}
	elsewhere := command.Good(s, s.command("report", "--kubeconfig", s.node.Kubeconfig())).Stdout
	if !strings.HasPrefix(elsewhere, "etcd: revision ") {
		s.Errorf("from elsewhere the report is\n%s", elsewhere)
	}

	defer s.leaderless("gone")()
	var got struct {
		Restore *restore.Report
		Cluster *aftermath.Report
	}
	o := s.command("report", "-o", "json")
	command.Bad(s, o, 1, "1 finding to act on")
	must(s, json.Unmarshal([]byte(o.Stdout), &got))
	if got.Restore == nil || got.Restore.State != "committed" || len(got.Restore.Steps) != 7 || len(got.Cluster.Findings) == 0 {
		s.Errorf("the report in JSON is %s", o.Stdout)
	}

	for _, name := range []string{"super-admin.conf", "admin.conf"} {
		at := s.path("etc/kubernetes/" + name)
		must(s, os.Rename(at, at+".away"))
		defer func() { must(s, os.Rename(at+".away", at)) }()
	}
	command.Bad(s, s.command("report"), 1, "neither super-admin.conf nor admin.conf", "--kubeconfig FILE")
}

// again takes a control plane that runs, and has all of its files as they were, back to the backup once more. Its etcd tells
// the revision that clients have seen.
func (s *scene) again() {
	s.Helper()
	s.put("later")
	said := command.Good(s, s.command(s.set, "--identity", s.Identity, "--yes", "--kubelet", "")).Stdout
	s.isNew()
	if !strings.Contains(said, " above the last one before the restore") || strings.Contains(said, "\nfiles ") {
		s.Errorf("the command says\n%s", said)
	}
}

// leaderless makes a Lease that nobody renews, and gives what deletes it.
func (s *scene) leaderless(name string) (remove func()) {
	s.Helper()
	holder, duration, renewed := name, int32(1), metav1.NewMicroTime(time.Now().Add(-time.Hour))
	leases := s.api.CoordinationV1().Leases(metav1.NamespaceSystem)
	_, err := leases.Create(s.ctx, &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &holder, LeaseDurationSeconds: &duration, RenewTime: &renewed},
	}, metav1.CreateOptions{})
	must(s, err)
	return func() { must(s, leases.Delete(s.ctx, name, metav1.DeleteOptions{})) }
}
