// Package kubeadm reads what a kubeadm control-plane node says about itself, so
// that a backup needs no configuration: where etcd keeps its data, at which
// address and with which credential its snapshot can be taken, and the name and
// peer URL that a restored member must have.
//
//	root := kubeadm.NodeFS("/host") // "/" on the node itself
//	node, err := kubeadm.Read(root, kubeadm.Options{})
//	if err != nil {
//		return err
//	}
//	config, chosen, err := node.Etcd.ClientTLS(root, now)
//
// The source is the node's static pod manifests, in the forms that kubeadm wrote
// from v1.11 to v1.37 (cmd/kubeadm/app/phases/etcd/local.go in
// kubernetes/kubernetes), as patches and extraArgs may have changed them: the
// etcd container is found by its command, also in a shell's script, which is read and never run; paths are followed through the pod's
// volumes to the node; flags that the command line leaves out are taken from
// ETCD_ variables, and all of them from a --config-file. Every value carries its [Source]. A value that the manifest
// does not settle is an error, never a guess.
//
// Without an etcd of its own a node has what its kube-apiserver says of one elsewhere. Nodes of k3s, rke2 and kubespray are
// read, too, as their documents and sources describe them: none of those runs in the tests. Those of kops, OpenShift, Talos, MicroK8s
// and of k3s with SQLite are known, and refused by a *[DistributionError] that says what to use.
//
// It only reads files, as root has to be able to: manifests and keys are 0600.
// It needs no API server, no etcd and no RBAC, so it works when the cluster is
// down. It does not ask etcd for its members, and judges no certificates but those that [Etcd.ClientTLS] chooses from.
package kubeadm
