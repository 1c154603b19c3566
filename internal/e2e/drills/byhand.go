package drills

import (
	"context"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Step is one of a restore, and what it took.
type Step struct {
	Name  string
	Took  time.Duration
	Typed int // commands that somebody has to type
}

// dropped is the step after all that somebody waits for: the kubelet ends what nobody knows any more.
const dropped = "dropped"

// Where the backup by hand lies on the node.
const (
	handSnapshot = "/var/backups/hand.db"
	handPKI      = "/var/backups/hand-pki.tar"
)

// etcdctl is the command with what it takes on a node of kubeadm.
const etcdctl = "etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/etc/kubernetes/pki/etcd/ca.crt " +
	"--cert=/etc/kubernetes/pki/etcd/server.crt --key=/etc/kubernetes/pki/etcd/server.key "

// BackUpByHand takes a snapshot and packs the PKI, as manuals say.
func BackUpByHand(t testing.TB, s *Scene) {
	t.Helper()
	s.shell(t, etcdctl+"snapshot save "+handSnapshot)
	s.shell(t, "tar -C /etc/kubernetes -cf "+handPKI+" pki")
	s.led = map[string]string{}
	for _, name := range leaders {
		holder, err := s.holder(stuck(t), t, name)
		must(t, err)
		s.led[name] = holder
	}
}

// shell runs a line on the node.
func (s *Scene) shell(t testing.TB, line string) {
	t.Helper()
	s.Node.Output(t, "sh", "-ec", line)
}

// timing notes what steps take.
type timing struct{ steps []Step }

func (all *timing) step(name string, typed int, do func()) {
	start := time.Now()
	do()
	all.steps = append(all.steps, Step{name, time.Since(start), typed})
}

// ByHand restores what [BackUpByHand] has saved, step by step, and says what each took. See "Restoring an etcd cluster" in
// Kubernetes' documentation (tasks/administer-cluster/configure-upgrade-etcd) and the flags that etcd's has for clusters
// whose clients keep caches. Somebody who types it also has to know when to go on: here each step waits for facts.
func ByHand(t testing.TB, s *Scene) []Step {
	t.Helper()
	var all timing
	all.step("stop", 2, func() {
		s.shell(t, "mkdir /etc/kubernetes/manifests.off")
		s.shell(t, "mv /etc/kubernetes/manifests/*.yaml /etc/kubernetes/manifests.off/")
	})
	all.step("stopped", 1, func() { s.waitStopped(t) })
	all.step("pki", 1, func() { s.shell(t, "tar -C /etc/kubernetes -xf "+handPKI) })
	all.step("data", 2, func() {
		if s.exists("var/lib/etcd") {
			s.shell(t, "mv /var/lib/etcd /var/lib/etcd.before")
		}
		s.shell(t, fmt.Sprintf("etcdutl snapshot restore %s --data-dir /var/lib/etcd --name %[2]s "+
			"--initial-cluster %[2]s=https://%[3]s:2380 --initial-advertise-peer-urls https://%[3]s:2380 "+
			"--bump-revision 1000000000 --mark-compacted", handSnapshot, s.Node.Name, s.Node.Address))
	})
	all.step("start", 1, func() { s.shell(t, "mv /etc/kubernetes/manifests.off/*.yaml /etc/kubernetes/manifests/") })
	all.step("api", 1, func() {
		until(t, func(ctx context.Context) error {
			out, err := s.Node.Enter(ctx, "kubectl", "get", "--raw", "/readyz").CombinedOutput()
			if err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			return nil
		})
	})
	all.step("lead", 0, func() { s.waitLeaders(t) })
	all.step("works", 1, func() { s.Works(t) })
	all.step(dropped, 0, func() { s.WaitDropped(t) })
	return all.steps
}

// leaders are the programs of which one leads, by a Lease of that name.
var leaders = []string{"kube-controller-manager", "kube-scheduler"}

// holder is who holds the Lease of a leader, if anybody does.
func (s *Scene) holder(ctx context.Context, t testing.TB, name string) (string, error) {
	lease, err := s.Cluster.Kubernetes(t).CoordinationV1().Leases(metav1.NamespaceSystem).Get(ctx, name, metav1.GetOptions{})
	if err != nil || lease.Spec.HolderIdentity == nil {
		return "", err
	}
	return *lease.Spec.HolderIdentity, nil
}

// waitLeaders waits until others lead than at the time of the backup, which are gone: without somebody who deletes their
// Leases, others wait for 15 s.
func (s *Scene) waitLeaders(t testing.TB) {
	t.Helper()
	for _, name := range leaders {
		until(t, func(ctx context.Context) error {
			holder, err := s.holder(ctx, t, name)
			if err == nil && (holder == "" || holder == s.led[name]) {
				err = fmt.Errorf("%q holds the Lease %s", holder, name)
			}
			return err
		})
	}
}

// waitStopped waits until no process of the control plane is left.
func (s *Scene) waitStopped(t testing.TB) {
	t.Helper()
	until(t, func(context.Context) error {
		for _, program := range []string{"kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"} {
			if err := s.ended(program); err != nil {
				return err
			}
		}
		return nil
	})
}

// ended is an error while a program runs on the node.
func (s *Scene) ended(program string) error {
	pids, err := s.Node.Running(program)
	if err == nil && len(pids) > 0 {
		err = fmt.Errorf("%s still runs", program)
	}
	return err
}
