package restore

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Data that etcd would take no writes for is refused.
func TestQuota(t *testing.T) {
	for quota, says := range map[string]string{
		"3": "raise its --quota-backend-bytes", "4": "", "0": "", "-1": "", "": "", "many": "is no number",
	} {
		root, node := newNode(t)
		node.Etcd.Quota.Value = quota
		plan := New(node, noon, lone)
		database := filepath.Join(root, "var/lib/etcd/member/snap/db") // of three bytes
		if err := plan.withinQuota(database); (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("with a quota of %q: %v", quota, err)
		}
	}
	root, node := newNode(t)
	node.Etcd.Quota.Value = "1"
	was := tree(t, root)
	_, err := Run(t.Context(), Host{Root: root, Limit: time.Second}, New(node, noon, lone), newSource(t))
	says(t, err, "the restored database has 3 bytes, and etcd takes no writes from 1 on")
	same(t, was, tree(t, root))
}
