// Package demonode makes a control-plane node as `kubeadm init` leaves it, with nothing installed:
// the files of Kubernetes 1.37 in a directory, and a real etcd that runs as its manifest says.
// Demonstrations and tests back it up, destroy it and compare.
//
// It runs etcd only: no kubelet, no kube-apiserver and no container. The objects in etcd are real Kubernetes
// objects in storage encoding, but nothing watches them. The node listens on loopback and is no cluster to work with.
//
//	node, err := demonode.Start(ctx, dir, 1000)
//	if err != nil {
//		return err
//	}
//	defer node.Close()
//	client, err := node.Client()
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	before, err := demonode.Dump(ctx, client)
//
// Paths inside the manifests are those of a node (/etc/kubernetes/pki, /var/lib/etcd), so the tree is
// meant to be read through a file system rooted at [Node.Root].
package demonode
