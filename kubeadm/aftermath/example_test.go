package aftermath_test

import (
	"fmt"
	"os"
	"time"

	"github.com/clustersnap/clustersnap/kubeadm/aftermath"
)

func ExampleReport_WriteText() {
	restart := "systemctl restart kubelet on the node: running containers stay"
	report := aftermath.Report{ // of Inspect
		Revision: 1_000_052_310, Before: 52_204, Nodes: 3, Pods: 41,
		Leaders: []aftermath.Leader{
			{Name: "kube-scheduler", Holder: "cp1_8f2c", Renewed: time.Date(2026, 11, 26, 4, 0, 0, 0, time.UTC)},
		},
		Findings: []aftermath.Finding{
			{
				Kind: aftermath.LocalData, Severity: aftermath.Look,
				Object: aftermath.Object{Kind: "DaemonSet", Namespace: "db", Name: "store"},
				What:   "keeps data in /srv/store of w1, w2", Next: "see whether the program takes that",
			},
			{
				Kind: aftermath.KubeletRestart, Severity: aftermath.Act, Object: aftermath.Object{Kind: "Node", Name: "w1"}, Node: "w1",
				What: "its kubelet runs 2 pods that etcd does not have", Next: restart,
			},
			{
				Kind: aftermath.KubeletRestart, Severity: aftermath.Act, Object: aftermath.Object{Kind: "Node", Name: "w2"}, Node: "w2",
				What: "its kubelet has not begun with 1 pod that it was given", Next: restart,
			},
		},
	}
	if err := report.WriteText(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// etcd: revision 1000052310, 1000000106 above the last one before the restore
	// nodes 3, pods 41; findings: 2 to act on, 1 to look at
	// no backup holds what pods keep on their nodes; such places that are known: 1
	// leader kube-scheduler: cp1_8f2c, renewed at 2026-11-26T04:00:00Z
	//
	// Kubelets to restart: 2 (kubelet-restart)
	//   Node w1: its kubelet runs 2 pods that etcd does not have
	//   Node w2: its kubelet has not begun with 1 pod that it was given
	//     -> systemctl restart kubelet on the node: running containers stay
	//
	// To look at: Data on nodes, which no backup holds: 1 (local-data)
	//   DaemonSet db/store: keeps data in /srv/store of w1, w2
	//     -> see whether the program takes that
}
