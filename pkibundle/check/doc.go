// Package check says of a bundle whether it has all that its node needs, and whether its files belong together and are
// valid: before it is sealed, while the node is still there to put right, and again before it is restored.
//
//	report := check.Files(bundle, time.Now(), check.Options{})
//	if report.Verdict == check.Incomplete {
//		return fmt.Errorf("the backup of %s lacks %d files", node, len(report.Missing))
//	}
//	for _, f := range report.Findings {
//		fmt.Println(f.Severity, f.Path, f.Text)
//	}
//
// What a node must have is read from its own static pods: their flags tell whether etcd runs on the node, whether the
// cluster CA's key is kept elsewhere, whether secrets are encrypted at rest, and whether tokens are signed by a program
// outside of the node. What is right is what kubeadm makes (cmd/kubeadm/app/phases in kubernetes/kubernetes), of v1.29
// and later; keys may be RSA, ECDSA or Ed25519, and files of CAs may hold several certificates, as they do while a CA is
// exchanged.
//
// It reads the bundle and nothing else. It does not ask a running cluster, know which snapshot of etcd belongs to the
// files, or check revocation, which Kubernetes does not have. Of the files that only the operator knows, such as audit
// policies, it knows whether they are there and whether others can read keys in them. Flags that stand in a script or a
// configuration file are not understood; the program counts as missing then.
//
// Reports hold paths, names and dates: never any of what a key is made of, and never the text of a broken file.
package check
