package ctrlrestores

import (
	"bytes"
	"net"
	"os"
	"path/filepath"

	"github.com/clustersnap/clustersnap/internal/e2e/nodebundle"
	"github.com/clustersnap/clustersnap/internal/e2e/ondisk"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/pkibundle"
)

// refusals are restores that must not be, and what is said of each.
var refusals = []struct {
	name   string
	change func(*scene, *task)
	says   string
}{
	{"snapshot of another cluster", func(s *scene, t *task) {
		t.Snapshot, t.Unpaired = strangeSnapshot(s), true
	}, "the snapshot is of another cluster"},
	{"files of another cluster", func(s *scene, t *task) {
		s.sealed(t, strangeBundle(s))
	}, "the files do not belong to the snapshot"},
	{"disk too small", func(_ *scene, t *task) {
		t.Options.Room = 1 << 60
	}, "are free and"},
	{"another member answers", func(s *scene, t *task) {
		l, err := s.node.Listen("tcp", s.node.Address+":0")
		must(s, err)
		s.Cleanup(func() { l.Close() })
		t.Options.Members = []kubeadm.Member{{Name: "cp2", PeerURLs: []string{"https://" + l.Addr().(*net.TCPAddr).String()}}}
	}, "member cp2 still answers at"},
	{"second manifest of a pod", func(s *scene, t *task) {
		text, err := os.ReadFile(s.manifest("etcd"))
		must(s, err)
		must(s, os.WriteFile(s.manifest("etcd.yaml.bak"), text, 0o600))
		s.Cleanup(func() { os.Remove(s.manifest("etcd.yaml.bak")) })
	}, "there is more than one"},
	{"second manifest since the plan", func(s *scene, t *task) {
		declared, err := kubeadm.Read(kubeadm.NodeFS(s.node.Root), kubeadm.Options{})
		must(s, err)
		text, err := os.ReadFile(s.manifest("etcd"))
		must(s, err)
		must(s, os.WriteFile(s.manifest("copy"), text, 0o600))
		s.Cleanup(func() { os.Remove(s.manifest("copy")) })
		t.Node = declared
	}, "there is more than one"},
	{"damaged snapshot", func(s *scene, t *task) {
		data, err := os.ReadFile(t.Snapshot)
		must(s, err)
		data[len(data)/2] ^= 1
		t.Snapshot = filepath.Join(s.TempDir(), "damaged")
		must(s, os.WriteFile(t.Snapshot, data, 0o600))
		t.Unpaired = true
	}, "database is damaged"},
}

// strangeSnapshot is one of an etcd that has another kube-system.
func strangeSnapshot(s *scene) string {
	s.Helper()
	return ondisk.Snapshot(s, strangeEtcd(s))
}

// strangeBundle is the node's own, but the CA of the cluster is its front proxy's.
func strangeBundle(s *scene) *pkibundle.Bundle {
	s.Helper()
	bundle := nodebundle.Collect(s, s.node.Root)
	replace(s, bundle, "etc/kubernetes/pki/ca.crt", bundle.With("front-proxy-ca-cert")[0].Data)
	replace(s, bundle, "etc/kubernetes/pki/ca.key", bundle.With("front-proxy-ca-key")[0].Data)
	return bundle
}

func replace(s *scene, bundle *pkibundle.Bundle, path string, data []byte) {
	s.Helper()
	for i := range bundle.Files {
		if bundle.Files[i].Path == path {
			bundle.Files[i].Data = bytes.Clone(data)
			return
		}
	}
	s.Fatalf("the bundle has no %s", path)
}
