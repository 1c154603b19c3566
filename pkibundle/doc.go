// Package pkibundle takes the TLS and secret files of a Kubernetes node into
// one encrypted file, and gives them back only if every byte is as it was.
//
//	node := os.DirFS("/")
//	bundle, err := pkibundle.Collect(node, []string{
//		"etc/kubernetes/pki",
//		"etc/kubernetes/admin.conf",
//		"var/lib/kubelet/pki",
//	}, programs)
//	if err != nil {
//		return err // one sentence for each file that could not be taken
//	}
//	defer bundle.Clear()
//	manifest, err := pkibundle.Seal(dst, bundle, recipients, now, pkibundle.SealOptions{Signer: key})
//
// [Collect] reads the files and all that they name, [Seal] encrypts, [Open] decrypts and verifies, [Extract] writes a new tree,
// and [Changes] says what a restore in place would do. There is no
// function that writes a bundle without encryption: ca.key makes any number of
// cluster administrators, and Kubernetes cannot revoke one.
//
// Its sub-packages judge a bundle: check finds what is missing and what is wrong in it, pair whether it belongs to a snapshot of
// etcd, and reissue makes the certificates of another node from it.
//
// # Who can open it, and who made it
//
// Recipients and identities are those of [filippo.io/age]. A cluster CA lives
// ten years, so prefer [age.HybridRecipient], which stays closed to quantum
// computers. X25519, SSH keys (agessh), passphrases and plugins work because they are age's own. Name at least two recipients,
// keep the identities away from the cluster, and try them before you need them.
//
// age does not say who encrypted: whoever knows a recipient can seal other files, such as a CA of his own, and whoever can write to
// your storage can put back an old bundle. So have Seal sign, keep the signer's key
// away from the storage, and demand it of Open with a time; or keep [Manifest.Digest] where such a writer cannot reach it, and demand that.
//
// # Roles
//
// A file's role says what it is for. It follows from the flag that names the file, or from kubeadm's name for it.
//
//	cluster-ca-cert, cluster-ca-key                   the CA of the API servers, kubelets and users
//	etcd-ca-cert, etcd-ca-key                         the CA of etcd
//	front-proxy-ca-cert, front-proxy-ca-key           the CA of the aggregation layer
//	service-account-key, service-account-pub          sign and verify tokens of service accounts
//	apiserver-cert, apiserver-key                     serve the API
//	apiserver-kubelet-client-cert, ...-key            kube-apiserver towards kubelets
//	apiserver-etcd-client-cert, ...-key               kube-apiserver towards etcd
//	front-proxy-client-cert, ...-key                  kube-apiserver towards aggregated API servers
//	etcd-server-cert, etcd-server-key                 etcd towards its clients
//	etcd-peer-cert, etcd-peer-key                     etcd towards its peers
//	etcd-healthcheck-client-cert, ...-key             tools towards etcd
//	kubelet-serving-cert, kubelet-serving-key         the kubelet's server, self-signed
//	kubelet-server-pair                               the same, signed by the cluster's CA
//	kubelet-client-pair                               the kubelet towards kube-apiserver
//	admin-, super-admin-, controller-manager-, scheduler-, kubelet-kubeconfig
//	encryption-config                                 the keys of what is encrypted at rest
//	static-pod                                        a manifest that the kubelet runs
//	kubelet-config                                    the kubelet's configuration and flags
//	referenced                                        another file that a flag names
//	other                                             none of these
//
// # What it does not do
//
// It does not look for programs: what a kubeconfig starts to get a credential, and KMS plugins that are no
// static pods, are not collected. Nor are files that a cloud provider's configuration names, which has a form of
// its own for each. Keys inside a kubeconfig or an EncryptionConfiguration pass through a YAML parser, which leaves copies
// in memory; all others are cleared with the bundle.
//
// # Format, version 1
//
// The file is an age file (https://age-encryption.org/v1, binary, not armored).
// Inside is a tar archive (POSIX.1-2001, pax), so that these two commands list
// it and print its digest without this package:
//
//	age -d -i identity bundle.age | tar tv
//	age -d -i identity bundle.age | tar xO manifest.json | sha256sum
//
// The first entry is manifest.json, see [Manifest]: JSON in the one form that encoding/json gives it. If it names a signer,
// manifest.json.sig follows, 64 bytes: the Ed25519 signature of the line "clustersnap/pkibundle/manifest/1" with its newline, and
// the manifest. The files follow in byte
// order of their paths. A file is a regular entry, a link a symbolic link; no
// other kind exists, and directories are in the manifest alone. Owners are kept by number and by name;
// times are not, so that equal files give equal archives.
// Pax records other than path, linkpath, uid, gid, uname and gname do not occur, padding is
// zero, an entry has at most one pax header, and the archive ends with exactly two
// zero blocks.
//
// Paths are slash-separated and relative to the root of the node, as in
// [io/fs]. No two are equal when case is ignored, and none is a directory of
// another. A link keeps its text. An absolute text counts from the root of the
// node, a relative one may not climb above it, and both must lead to a file
// of the bundle or to a directory that holds one.
//
// The limits are 1 MiB for a file, 4 MiB for the manifest, 16 MiB for all files,
// 4096 files and links, and 40 MiB for the sealed file. A node of kubeadm has
// some 40 files and 100 KiB.
package pkibundle
