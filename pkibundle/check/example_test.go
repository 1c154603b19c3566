package check_test

import (
	"fmt"
	"time"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/check"
)

func ExampleFiles() {
	bundle := &pkibundle.Bundle{Files: []pkibundle.File{ // of Collect or Open
		{Path: "etc/kubernetes/admin.conf", Role: "admin-kubeconfig", Mode: 0o644, Data: []byte("kind: Config")},
	}}
	report := check.Files(bundle, time.Now(), check.Options{})
	fmt.Println(report.Verdict)
	for _, m := range report.Missing[:2] {
		fmt.Printf("%s: %s\n", m.Path, m.Matters)
	}
	for _, f := range report.Findings {
		fmt.Printf("%s, %s: %s\n", f.Severity, f.Path, f.Text)
	}
	// Output:
	// incomplete
	// etc/kubernetes/controller-manager.conf: without it kube-controller-manager does not start until the cluster CA has issued another
	// etc/kubernetes/kubelet.conf: without it the kubelet runs static pods alone, and the node has to join anew
	// fatal, etc/kubernetes/admin.conf: its current context is not in it: make it anew
	// warning, etc/kubernetes/admin.conf: mode 0644 lets others than its owner at a secret: chmod 600, and think about who could have read it
}
