package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/kubeadm/restore"
)

// etcdPod is that of a node whose etcd does not run.
const etcdPod = `
apiVersion: v1
kind: Pod
metadata: {name: etcd, namespace: kube-system}
spec:
  containers:
  - name: etcd
    image: registry.k8s.io/etcd:3.6.6-0
    command: [etcd, --name=cp1, --data-dir=/var/lib/etcd, --initial-advertise-peer-urls=http://127.0.0.1:1,
      --listen-peer-urls=http://127.0.0.1:1, --listen-client-urls=http://127.0.0.1:1,
      --advertise-client-urls=http://127.0.0.1:1, --initial-cluster=cp1=http://127.0.0.1:1]
    volumeMounts: [{mountPath: /var/lib/etcd, name: data}]
  volumes: [{name: data, hostPath: {path: /var/lib/etcd}}]
`

// A restore that has begun goes on with the backup that it has staged, and no other.
func TestGoesOnWithTheSameBackup(t *testing.T) {
	root, node := stoppedEtcd(t)
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	mine, other := setOf(t, now, "one"), setOf(t, now, "another")
	plan := restore.New(node, now, restore.PlanOptions{Source: sourceOf(mine), Alone: true})
	killed(t, root, plan)

	var b strings.Builder
	r := restoreFlags{root: root}
	if _, err := r.begun(steps{&b}, other, node); err == nil || b.Len() > 0 ||
		!strings.Contains(err.Error(), "the restore 20261126t120000000z of the backup of 2026-11-26T12:00:00Z, ") ||
		!strings.Contains(err.Error(), "give the file of that one") {
		t.Errorf("another one is taken: %v", err)
	}
	got, err := r.begun(steps{&b}, mine, node)
	if err != nil || got.ID != plan.ID || b.String() != "goes on   20261126t120000000z, which was begun before\n" {
		t.Errorf("it goes on with %+v (%v), and says %q", got, err, b.String())
	}
}

// The word that no other member serves may be given later.
func TestAloneForOneThatWasBegun(t *testing.T) {
	root, node := stoppedEtcd(t)
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	set := setOf(t, now, "one")
	own := kubeadm.Member{Name: "cp1", PeerURLs: []string{"http://127.0.0.1:1"}}
	killed(t, root, restore.New(node, now, restore.PlanOptions{Members: []kubeadm.Member{own}})) // by one that had no Source
	r := restoreFlags{root: root, alone: true}
	plan, err := r.begun(steps{io.Discard}, set, node)
	if err != nil || !plan.Alone {
		t.Errorf("the plan is %+v (%v), want Alone", plan, err)
	}
}

// stoppedEtcd is a node with etcd alone, which does not run.
func stoppedEtcd(t *testing.T) (root string, node *kubeadm.Node) {
	t.Helper()
	root = t.TempDir()
	put(t, filepath.Join(root, "etc/kubernetes/manifests/etcd.yaml"), etcdPod)
	put(t, filepath.Join(root, "etc/kubernetes/pki/ca.crt"), "")
	put(t, filepath.Join(root, "var/lib/etcd/member/snap/db"), "old")
	node, err := kubeadm.Read(kubeadm.NodeFS(root), kubeadm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return root, node
}

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// setOf is one with a single member.
func setOf(t *testing.T, created time.Time, text string) *clustersnap.Set {
	t.Helper()
	var b bytes.Buffer
	w := clustersnap.NewWriter(&b, created)
	if err := w.Add("member", nil, func(w io.Writer) error { _, err := io.WriteString(w, text); return err }); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	set, err := clustersnap.Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// killed ends a restore as a kill does while it makes the new data.
func killed(t *testing.T, root string, plan *restore.Plan) {
	t.Helper()
	defer func() {
		if recover() != "killed" {
			t.Fatal("it was not killed")
		}
	}()
	_, err := restore.Run(t.Context(), restore.Host{Root: root, Limit: time.Second}, plan, restore.Source{
		Stage: func(context.Context, string, int64) (restore.Staged, error) { panic("killed") },
	})
	t.Error(err)
}
