package ctrlrestores

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/clustersnap/clustersnap/internal/e2e/nodebundle"
)

// failures are restores that fail once the old etcd is stopped.
var failures = []struct {
	name   string
	change func(*scene, *task)
	says   string
}{
	{"a manifest comes back", func(s *scene, t *task) {
		saved := filepath.Join(s.TempDir(), "etcd.yaml")
		text, err := os.ReadFile(s.manifest("etcd"))
		must(s, err)
		must(s, os.WriteFile(saved, text, 0o600))
		t.At = map[string]string{"journal: fence done": "cp " + saved + " " + s.manifest("etcd")}
	}, "a manifest has come back to"},
	{"etcd does not stop", func(s *scene, t *task) {
		state, _ := s.node.Pods.State("etcd")
		t.Limit = 5 * time.Second
		t.At = map[string]string{
			"move away " + s.manifest("etcd"): fmt.Sprintf("kill -STOP %d", state.PID),
			"journal: undoing":                fmt.Sprintf("kill -CONT %d", state.PID),
		}
	}, "wait for etcd to stop: not within 5s: "},
	{"files with another CA of etcd", func(s *scene, t *task) {
		bundle := nodebundle.Collect(s, s.node.Root)
		replace(s, bundle, "etc/kubernetes/pki/etcd/ca.crt", bundle.With("front-proxy-ca-cert")[0].Data)
		s.sealed(t, bundle)
		t.Unpaired = true
	}, "the CA has not signed the certificate"},
	{"etcd starts elsewhere", func(s *scene, t *task) {
		t.At = map[string]string{
			"journal: swap done": "sed -i 's#--data-dir=/var/lib/etcd#&/elsewhere#' " + s.path("etc/kubernetes/.restore-*/etcd.yaml"),
			"journal: undoing":   "sed -i 's#/elsewhere##' " + s.manifest("etcd"),
		}
		s.Cleanup(func() { must(s, os.RemoveAll(s.path("var/lib/etcd/elsewhere"))) })
	}, "etcd: etcd has started with cluster"},
	{"another etcd than the staged one", func(_ *scene, t *task) {
		t.Strange = true
	}, "etcd has started with cluster"},
}
