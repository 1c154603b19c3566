package kubeadm

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/clustersnap/clustersnap/internal/rootfs"
)

// manifestDir is where kubeadm tells the kubelet to look for static pods
// (cmd/kubeadm/app/constants/constants.go in kubernetes/kubernetes).
const manifestDir = "etc/kubernetes/manifests"

var (
	// ErrNoEtcd means that no static pod of the node runs etcd: the node is a
	// worker, or its cluster uses an external etcd.
	ErrNoEtcd = errors.New("no static pod runs etcd")
	// ErrAmbiguous means that more than one container runs etcd, so that none
	// of them can be taken for the cluster's. Copies left in the manifest
	// directory do this: the kubelet runs those too (kubernetes/kubeadm#2823).
	ErrAmbiguous = errors.New("more than one container runs etcd")
	// ErrDynamicCommand means that a manifest leaves a value to be computed when
	// its container starts: by a shell, a configuration file or $(VARIABLES).
	ErrDynamicCommand = errors.New("flags cannot be known from the manifest")
)

// Node is a control-plane node as its static pods declare it. It holds no
// secrets, and reads back from its JSON unchanged.
type Node struct {
	// Manifests are the static pod manifests that were read, relative to the
	// node's root and sorted.
	Manifests []string `json:"manifests"`
	Etcd      Etcd     `json:"etcd"`
	// Files are the files and directories that a backup of the node has to hold beside
	// etcd's data, relative to the node's root and sorted: the manifests, what kubeadm
	// writes, and every file that a flag of the control plane names, such as the
	// encryption configuration. What those files name in turn is not among them yet.
	Files []string `json:"files"`
}

// NodeFS returns the file system of the node mounted at dir: "/" on the node
// itself, "/host" in a pod that mounts the node's root there. The node's links
// resolve as they do on the node, absolute ones too, and none leads out of dir;
// that is what [os.DirFS] does not do. Pipes and devices cannot be opened.
func NodeFS(dir string) fs.FS { return rootfs.New(dir) }

// Read reads a node from its file system, see [NodeFS]. It looks at all of
// etc/kubernetes/manifests that the kubelet would look at: every regular file
// whose name does not start with a dot, each a v1 Pod in YAML or JSON of at most
// 1 MiB. A file that it cannot understand is an error, as it might be the one
// that matters.
//
// Errors to tell apart are [ErrNoEtcd], [ErrAmbiguous], [ErrDynamicCommand],
// *[PathNotOnHostError], and [fs.ErrNotExist] and [fs.ErrPermission] from root.
func Read(root fs.FS) (*Node, error) {
	pods, err := readStaticPods(root)
	if err != nil {
		return nil, fmt.Errorf("read static pods: %w", err)
	}
	etcd, err := findEtcd(pods)
	if err != nil {
		return nil, fmt.Errorf("find etcd: %w", err)
	}
	node := &Node{}
	for _, pod := range pods {
		node.Manifests = append(node.Manifests, pod.file)
	}
	if node.Etcd, err = readEtcd(root, etcd, programs(pods, "kube-apiserver")); err != nil {
		return nil, fmt.Errorf("read etcd's settings: %w", err)
	}
	if node.Files, err = files(root, pods); err != nil {
		return nil, fmt.Errorf("list files: %w", err)
	}
	return node, nil
}
