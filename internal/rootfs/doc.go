// Package rootfs reads a tree as a node sees it when that tree is its "/".
//
// A control-plane node is often read from outside: its disk is mounted at
// /host in a backup pod, or lies in a directory of a test. Its links are
// written for the node, though: /etc/localtime -> /usr/share/zoneinfo/UTC means
// the node's own /usr. [os.DirFS] follows such a link out of the tree, and
// [os.Root] refuses it. An [FS] resolves it inside, as chroot(2) would, and no
// name and no link leads out.
//
//	node := rootfs.New("/host")
//	text, err := fs.ReadFile(node, "etc/kubernetes/manifests/etcd.yaml")
//
// It only reads, and only regular files and directories: pipes, sockets and
// devices have a [fs.FileInfo] but cannot be opened. Mount points inside the
// tree are crossed, because a node's /var or /etc is one at times.
package rootfs
