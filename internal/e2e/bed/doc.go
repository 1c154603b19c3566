// Package bed gives tests a real control plane: PKI, kubeconfigs and manifests by kubeadm, and on top of them etcd,
// kube-apiserver and kube-controller-manager with the flags that the manifests give.
//
//	node := bed.ControlPlane(t, bed.Options{EtcdVersion: "3.6", Encryption: true})
//	client := node.EtcdClient(t)
//	err := node.Run(exec.CommandContext(ctx, program, "backup", "--root", node.Root, "--to", set))
//
// A node is a root folder, [Node.Root], and a network namespace. In its namespace the node has addresses and ports of
// its own, so that 127.0.0.1:2379 is its etcd, as its manifests say; tests get in with [Node.DialContext] and
// [Node.Run]. A [Runner] starts and stops the programs of its static pods, as a kubelet would.
//
// There is no kubelet, no container and no pod network: Services have no endpoints that answer, and the cluster has
// no Node objects. Hosts are not looked up by name.
//
// It needs Linux, root, and the command ip of iproute2. The test that starts a node also ends it: the processes with
// SIGKILL, because nothing of the node is needed any more. The namespace has no name and goes with its last process,
// and the processes go with the test process, also when that is killed. Its temporary folder goes with the next node then.
package bed
