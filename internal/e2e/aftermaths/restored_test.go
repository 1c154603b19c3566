package aftermaths

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/etcdsnap/restore"
	"github.com/clustersnap/clustersnap/kubeadm/aftermath"
)

// The node n1 and its pods go on while etcd is put back. The controllers run, as they do in a cluster.
const before = `
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {conditions: [{type: Ready, status: "True"}]}
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: n1, namespace: kube-node-lease}
spec: {holderIdentity: n1, leaseDurationSeconds: 40}
---
` + pod + "kept" + running + pod + "deleted" + running + `
apiVersion: v1
kind: Service
metadata: {name: shop, namespace: default}
spec: {type: LoadBalancer, ports: [{port: 80}]}
status: {loadBalancer: {ingress: [{ip: 203.0.113.7}]}}`

const (
	pod     = "\napiVersion: v1\nkind: Pod\nmetadata: {namespace: default, name: "
	running = `}
spec: {nodeName: n1, containers: [{name: c, image: none.example/none}]}
status: {phase: Running, startTime: "2026-01-01T00:00:00Z"}
---
`
	after = pod + "later" + running + `
apiVersion: v1
kind: Service
metadata: {name: later, namespace: default}
spec: {type: LoadBalancer, ports: [{port: 80}]}
status: {loadBalancer: {ingress: [{ip: 203.0.113.9}]}}`
)

// TestAfterRestore puts an older etcd under a cluster that goes on, first as it should be done and then without raising the
// revision.
func TestAfterRestore(t *testing.T) {
	s := newScene(t)
	etcd := s.node.EtcdClient(t)
	s.makeForGood(before)
	snapshot := filepath.Join(t.TempDir(), "etcd.snap")
	if _, err := etcdsnap.SaveFile(s.ctx, snapshot, etcd, etcdsnap.Options{}); err != nil {
		t.Fatal(err)
	}
	must(t, s.api.CoreV1().Pods("default").Delete(s.ctx, "deleted", metav1.DeleteOptions{GracePeriodSeconds: new(int64)}))
	s.patch("Pod", "default", "kept", `{"metadata": {"labels": {"seen": "later"}}}`)
	s.makeForGood(after)
	runs, err := s.running(s.ctx, "n1") // what the kubelet knows, whatever becomes of etcd
	must(t, err)
	if names := namesOf(runs); !slices.Equal(names, []string{"kept", "later"}) {
		t.Fatalf("n1 runs %v", names)
	}
	opts := aftermath.Options{
		Before: revision(s, etcd), Nodes: []string{"n1"}, Balancers: []string{"203.0.113.7", "203.0.113.9"},
		Running: func(context.Context, string) ([]aftermath.RunningPod, error) { return runs, nil },
	}
	s.settle()
	s.want(s.inspect(opts), "load-balancer look Service default/later", "load-balancer look Service default/shop")

	s.restore(snapshot, restore.Options{})
	s.start("kube-apiserver")
	leases := s.api.CoordinationV1().Leases("kube-system") // for which the next leader would wait 15 s
	must(t, leases.Delete(s.ctx, "kube-controller-manager", metav1.DeleteOptions{}))
	s.start("kube-controller-manager")
	s.settle()
	report := s.inspect(opts)
	s.until("the pod that was deleted does not run for a while", func() bool { // it has just been made
		s.settle()
		report = s.inspect(opts)
		return slices.ContainsFunc(report.Findings, func(f aftermath.Finding) bool { return f.Kind == aftermath.LostPod })
	})
	s.want(report,
		"kubelet-restart act Node n1: its kubelet runs 1 pod that etcd does not have, and goes by versions of 1 pod that are later "+
			"than those of etcd, and does not run 1 pod that etcd has as running",
		"phantom-pod act Pod default/later: ", "lost-pod act Pod default/deleted: ",
		"load-balancer act load balancer 203.0.113.9: ", "load-balancer look Service default/shop: |203.0.113.7",
	)
	if report.Revision <= report.Before {
		t.Errorf("the revision is %d after the restore, and was %d", report.Revision, report.Before)
	}
	t.Run("done as the report says", func(t *testing.T) {
		s := s.with(t)
		done := opts
		done.Running, done.Balancers = s.running, []string{"203.0.113.7"} // as a kubelet that has listed anew would
		s.settle()
		s.want(s.inspect(done), "load-balancer look Service default/shop: ")
	})

	s.stop("kube-controller-manager")
	s.restore(snapshot, restore.Options{WatchesMissEvents: true})
	// And with the keys of another cluster.
	manifest := s.aside("kube-apiserver")
	text, err := os.ReadFile(manifest)
	must(t, err)
	changed := strings.Replace(string(text), "--service-account-key-file=/etc/kubernetes/pki/sa.pub",
		"--service-account-key-file=/etc/kubernetes/pki/apiserver.crt", 1)
	if changed == string(text) {
		t.Fatal("the manifest of kube-apiserver does not name sa.pub")
	}
	must(t, os.WriteFile(manifest, []byte(changed), 0o600))
	s.start("kube-apiserver")
	s.heartbeat("kube-node-lease", "n1")
	s.heartbeat("kube-system", "kube-controller-manager")
	opts.Before += 1000 // or what kube-apiserver writes as it starts would be past it
	opts.Running = s.running
	s.want(s.inspect(opts),
		"revision-back act etcd: ", "tokens-refused act ServiceAccount kube-system/default: |the API server does not take it",
		"kubelet-restart act Node n1: its kubelet has seen a revision that is still to come",
		"load-balancer act load balancer 203.0.113.9: ", "load-balancer look Service default/shop: |203.0.113.7",
	)
}

// makeForGood makes objects that nobody deletes in the end.
func (s *scene) makeForGood(text string) {
	s.Helper()
	q := *s
	q.keep = true
	q.make(text)
}

// settle renews the Lease of n1, and waits until kube-controller-manager leads: then it is now for the one who looks.
func (s *scene) settle() {
	s.Helper()
	s.now = time.Now()
	s.heartbeat("kube-node-lease", "n1")
	s.until("kube-controller-manager leads", func() bool {
		s.now = time.Now()
		lease, err := s.api.CoordinationV1().Leases("kube-system").Get(s.ctx, "kube-controller-manager", metav1.GetOptions{})
		return err == nil && renewed(lease, s.now)
	})
}

func renewed(lease *coordinationv1.Lease, now time.Time) bool {
	spec := lease.Spec
	return spec.RenewTime != nil && spec.HolderIdentity != nil && *spec.HolderIdentity != "" && spec.LeaseDurationSeconds != nil &&
		now.Sub(spec.RenewTime.Time) < 5*time.Second
}

// heartbeat renews a Lease as its holder does.
func (s *scene) heartbeat(namespace, name string) {
	s.Helper()
	_, err := s.api.CoordinationV1().Leases(namespace).Patch(s.ctx, name, types.MergePatchType,
		fmt.Appendf(nil, `{"spec": {"holderIdentity": %q, "renewTime": %q}}`, name, s.at(0)), metav1.PatchOptions{})
	must(s, err)
}

// restore stops the control plane, puts a snapshot in the place of etcd's data, and starts etcd.
func (s *scene) restore(snapshot string, opts restore.Options) {
	s.Helper()
	for _, pod := range []string{"kube-controller-manager", "kube-apiserver", "etcd"} {
		if _, ok := s.node.Pods.State(pod); ok {
			s.stop(pod)
		}
	}
	src, err := os.Open(snapshot)
	must(s, err)
	defer src.Close()
	opts.MoveAside = true
	members := []restore.Member{{
		Name: s.node.Name, PeerURLs: []string{"https://" + s.node.Address + ":2380"},
		DataDir: filepath.Join(s.node.Root, "var/lib/etcd"),
	}}
	_, err = restore.Restore(s.ctx, src, members, time.Minute, opts)
	must(s, err)
	must(s, os.Rename(s.aside("etcd"), s.manifest("etcd")))
	must(s, s.node.WaitEtcd(s.ctx))
}

// start starts a static pod that was stopped, and waits until kube-apiserver is ready.
func (s *scene) start(pod string) {
	s.Helper()
	must(s, os.Rename(s.aside(pod), s.manifest(pod)))
	must(s, s.node.WaitAPI(s.ctx))
}

func revision(s *scene, etcd *clientv3.Client) int64 {
	s.Helper()
	got, err := etcd.Get(s.ctx, "/elsewhere")
	must(s, err)
	return got.Header.Revision
}

func namesOf(pods []aftermath.RunningPod) []string {
	var names []string
	for _, p := range pods {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return names
}
