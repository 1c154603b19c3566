// Package kubeadm reads what a kubeadm control-plane node says about itself, so
// that a backup needs no configuration: where etcd keeps its data, at which
// address and with which credential its snapshot can be taken, and the name and
// peer URL that a restored member must have.
//
//	root := kubeadm.NodeFS("/host") // "/" on the node itself
//	node, err := kubeadm.Read(root)
//	if err != nil {
//		return err
//	}
//	config, err := node.Etcd.TLSConfig(root)
//
// The source is the node's static pod manifests, in the forms that kubeadm wrote
// from v1.11 to v1.37 (cmd/kubeadm/app/phases/etcd/local.go in
// kubernetes/kubernetes), as patches and extraArgs may have changed them: the
// etcd container is found by its command, paths are followed through the pod's
// volumes to the node, and flags that the command line leaves out are taken from
// ETCD_ variables. Every value carries its [Source]. A value that the manifest
// does not settle is an error, never a guess.
//
// It only reads files, as root has to be able to: manifests and keys are 0600.
// It needs no API server, no etcd and no RBAC, so it works when the cluster is
// down. It does not ask etcd for its members, does not judge certificates, and
// knows neither an external etcd nor a node whose etcd takes its settings from a
// file or a shell script, as those of rke2 and OpenShift do.
package kubeadm
