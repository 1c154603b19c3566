// Package pkibundle takes the TLS and secret files of a Kubernetes node into
// one encrypted file, and gives them back only if every byte is as it was.
//
//	node := os.DirFS("/")
//	bundle, err := pkibundle.Collect(node, []string{
//		"etc/kubernetes/pki",
//		"etc/kubernetes/admin.conf",
//		"var/lib/kubelet/pki",
//	})
//	if err != nil {
//		return err // one sentence for each file that could not be taken
//	}
//	defer bundle.Clear()
//	manifest, err := pkibundle.Seal(dst, bundle, recipient)
//
// [Collect] reads, [Seal] encrypts, [Open] decrypts and verifies. There is no
// function that writes a bundle without encryption: ca.key makes any number of
// cluster administrators, and Kubernetes cannot revoke one.
//
// Recipients and identities are those of [filippo.io/age]. A cluster CA lives
// ten years, so prefer [age.HybridRecipient], which stays closed to quantum
// computers. Name at least two recipients, keep the identities away from the
// cluster, and try them before you need them.
//
// # What it does not do
//
// It does not decide which files a node needs, look inside certificates, or
// write files to a disk. Modes and owners of directories are not kept.
//
// A sealed bundle is secret but not signed: whoever knows a recipient can seal
// other files. Keep [Manifest.Digest] where a writer of your storage cannot reach
// it, and compare it after Open.
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
// The first entry is manifest.json, see [Manifest]. The files follow in byte
// order of their paths. A file is a regular entry, a link a symbolic link; no
// other kind exists, and directories have no entries. Numeric owners are kept;
// times and names of owners are not, so that equal files give equal archives.
// Pax records other than path, linkpath, uid and gid do not occur, padding is
// zero, an entry has at most one pax header, and the archive ends with exactly two
// zero blocks.
//
// Paths are slash-separated and relative to the root of the node, as in
// [io/fs]. No two are equal when case is ignored, and none is a directory of
// another. A link keeps its text. An absolute text counts from the root of the
// node, a relative one may not climb above it, and both must lead to a file
// of the bundle or to a directory that holds one.
//
// The limits are 1 MiB for a file and for the manifest, 16 MiB for all files,
// 4096 files and links, and 32 MiB for the sealed file. A node of kubeadm has
// some 40 files and 100 KiB.
package pkibundle
