package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// What is not known of the last restore, and a kubeconfig that nobody can read, keep nobody from looking at the cluster.
func TestReportBesideADamagedJournal(t *testing.T) {
	root := nodeAt(t, server(t, 0))
	put(t, filepath.Join(root, "etc/kubernetes/super-admin.conf"), "clusters: 5")
	put(t, filepath.Join(root, "var/lib/.etcd.restore/20261126t120000000z.journal"), "nonsense\n")
	r := reporting{root: root, dataDir: "/var/lib/etcd", afterwards: afterwards{each: lookEach}}
	var out strings.Builder
	if err := r.run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.Contains(text, "note      look for the last restore of /var/lib/etcd: ") ||
		!strings.Contains(text, "good      there is nothing to act on") {
		t.Errorf("it says\n%s", text)
	}
	put(t, filepath.Join(root, "etc/kubernetes/admin.conf"), "clusters: 5")
	if err := (&reporting{root: root}).run(t.Context(), &out); err == nil || !strings.Contains(err.Error(), "read kubeconfig") {
		t.Errorf("without any that can be read: %v", err)
	}
}
