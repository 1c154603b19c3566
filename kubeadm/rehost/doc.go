// Package rehost prepares a kubeadm control plane for another machine: what its files must say where name and address are
// others, and what the other nodes then need. It computes, from bytes to bytes; it runs nothing, and asks no cluster.
//
// [Manifests] rewrites the static pods of the old node. What it does not understand, and what mentions the old node, it
// leaves as it is and tells as a [Finding]:
//
//	from, err := rehost.HostOf(manifests)
//	if err != nil {
//		return err
//	}
//	to := rehost.Host{Name: "cp-new", Address: netip.MustParseAddr("10.0.0.21")}
//	moved, err := rehost.Manifests(manifests, from, to)
//	if err != nil {
//		return err
//	}
//	for _, f := range moved.Findings {
//		fmt.Println(f)
//	}
//
// [KubeletFlags] does so with the one other file of kubeadm's that names its node.
//
// This is the first choice, where the old manifests and the PKI are there: they have flags, volumes and patches that no
// configuration knows. Once they run, [Finish] says what kubeadm init would have done beyond files. [Init] is the second, for
// who has none: it makes a configuration for kubeadm init over a restored data directory from what the cluster itself has
// stored, so that nothing of the old cluster is overwritten by defaults, and leaves its add-ons alone. [Join] says what the
// other nodes need, whichever way was taken, as commands in their order.
//
// What else a move takes is made elsewhere: the certificates for the new name and address before etcd starts, since etcd
// holds a peer's address against its certificate; etcd's data, restored under the new name and peer URL. What lies on the
// disks of the old machine only, such as local volumes, no backup of the control plane holds. Files that are no manifests,
// such as the configuration of a load balancer, [Mentions] looks through.
//
// All input is taken as hostile: it is bounded, and names and addresses that get into a command are checked first. The
// commands are lists of arguments, and need no shell: those that wait or repeat bring their own, whose script is always the
// same. Findings show fields, and no values but the name or address that they are about. The package needs no RBAC; the
// commands of a plan are for an administrator, root on the node that each names, where they take coreutils, sed and grep, flock
// of util-linux, pkill of procps, ss of iproute2, and what kubeadm needs.
package rehost
