// Package kubecluster gives tests a real Kubernetes cluster: kubeadm init and kubeadm join on nodes where containerd,
// kubelet, kube-proxy and a pod network run, with images that are packed from the programs of package peers.
//
//	cluster := kubecluster.Start(t, kubecluster.Options{})
//	node := cluster.Nodes[0]
//	fmt.Println(node.Output(t, "kubectl", "get", "pods", "-A"))
//
// A node is a set of namespaces (network, mounts, processes, host name, IPC, control groups). Its first process is
// command machine, which makes the file system and keeps containerd and kubelet running; systemctl works for these two.
// It sees the programs of the test machine, and what it writes goes to memory or to [Node.Root], which outlives a power
// cut. /etc and /var/lib are folders of its own there, so that /etc/kubernetes and /var/lib/etcd can be renamed.
// Spare machines beside a cluster of one node are the same, but that kubeadm has not been there.
// Nodes are at 10.77.0.11 and up, pods of the first at 10.244.0.0/24, Services at 10.96.0.0/16. Nothing else can be
// reached.
//
// What there is not: CoreDNS, so Services have no names; images from a registry (every pod needs imagePullPolicy Never,
// and [Tool] is the image for it); CSI; control groups of version 2 (a machine that has only these is an error).
// Four things differ from a kubeadm cluster of the defaults: nodes have no taint, so that pods run on them; kubelets
// don't evict; kubelets find settings of the kernel changed that they would change for the whole machine; kube-proxy
// leaves the size of the connection tracking table alone for the same reason.
//
// It needs Linux, root, and the Debian packages containerd, runc, containernetworking-plugins, iptables, iproute2 and
// util-linux: what is missing fails the test. All processes, mounts and networks end with the test process, also when
// that is killed. Its folder and its control groups then go with the next cluster that is started.
package kubecluster
