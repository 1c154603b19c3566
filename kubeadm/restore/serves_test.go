package restore

import (
	"slices"
	"testing"

	"github.com/clustersnap/clustersnap/kubeadm"
)

// Older backups and journals do not say where kube-apiserver serves.
func TestNodeOfAnOlderBackup(t *testing.T) {
	_, node := newNode(t)
	for i := range node.Programs {
		node.Programs[i].Serves = kubeadm.Setting{}
	}
	plan := New(node, noon, lone)
	if len(plan.Refused) > 0 {
		t.Errorf("it is refused: %q", plan.Refused)
	}
	if got := plan.ports(apiServer); !slices.Equal(got, []string{"127.0.0.1:6443"}) {
		t.Errorf("kube-apiserver is asked at %q", got)
	}
	if got := plan.ports(scheduler); got != nil {
		t.Errorf("the scheduler is asked at %q", got)
	}
}
