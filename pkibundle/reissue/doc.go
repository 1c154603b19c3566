// Package reissue makes the certificates and kubeconfigs of a control-plane node again, for another host name or
// address, from the files that all control-plane nodes share. So a node can be restored on new hardware.
//
//	node, err := reissue.NodeOf(old) // what the bundle of the lost machine says
//	if err != nil {
//		return err
//	}
//	node.Name, node.AdvertiseAddress = "cp-new", netip.MustParseAddr("10.0.0.7")
//	bundle, err := reissue.Leaves(old, node, time.Now())
//	if err != nil {
//		return err
//	}
//	defer bundle.Clear()
//
// Who has no more than the shared files fills in [Node] by hand: name, address and version are required, and the zero
// value of every other field is kubeadm's default.
//
// The files are those of kubeadm: the same names, subjects, subject alternative names, usages and lifetime
// (cmd/kubeadm/app/phases/certs/certlist.go, phases/kubeconfig/kubeconfig.go and util/pkiutil/pki_helpers.go in
// kubernetes/kubernetes). It differs in what follows:
//
//   - No certificate outlives its CA. Kubeadm gives out longer ones, which end with the CA too.
//   - All begin five minutes ago, or with their CA if that is younger. Kubeadm has those in kubeconfigs begin with the CA.
//   - Keys are of the kind of the CA's: RSA of 2048 to 4096 bits, ECDSA on P-256, P-384 or P-521, Ed25519. Kubeadm asks
//     its configuration, which the shared files do not hold, and it does not read Ed25519.
//   - A kubeconfig trusts all certificates that the file of the CA holds. Kubeadm takes the first, which shuts out
//     half of the servers while a CA is exchanged.
//   - Clients of etcd belong to no group. Before v1.29 kubeadm put system:masters there, which etcd does not read.
//
// # What it does not do
//
// It writes nothing to a disk and changes no manifest: --advertise-address, the URLs of etcd and the probes of the old
// static pods name the old address. Package kubeadm/rehost rewrites them; "kubeadm init phase control-plane all" and
// "kubeadm init phase etcd local" write new ones. Keys of service accounts are handed on, not made: all tokens of the cluster
// are signed with them. The kubelet's own certificates are not made either: with the kubelet.conf made here it asks the cluster
// for them. It renews them, and not the one in kubelet.conf: have "kubeadm init phase kubelet-finalize all" point that to them
// within the year.
package reissue
