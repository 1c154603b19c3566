package kubeadm

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/clustersnap/clustersnap/internal/rootfs"
)

// manifestDir is where kubeadm tells the kubelet to look for static pods
// (cmd/kubeadm/app/constants/constants.go in kubernetes/kubernetes).
const manifestDir = "etc/kubernetes/manifests"

var (
	// ErrNoEtcd means that nothing on the node runs etcd, and no kube-apiserver there says where one is: the node is a
	// worker.
	ErrNoEtcd = errors.New("no static pod runs etcd or kube-apiserver")
	// ErrAmbiguous means that there are two of what there has to be one: containers that run etcd or kube-apiserver, manifests of
	// one pod, an etcd beside the one that kube-apiserver uses, traces of two installers. Copies left in the manifest
	// directory do this: the kubelet runs those too (kubernetes/kubeadm#2823).
	ErrAmbiguous = errors.New("there is more than one")
	// ErrDynamicCommand means that a manifest leaves a value to be computed when
	// its container starts: by a shell or $(VARIABLES).
	ErrDynamicCommand = errors.New("flags cannot be known from the manifest")
)

// Options changes how Read works.
type Options struct {
	// ManifestDir is the node's directory of static pod manifests. Empty means the kubelet's staticPodPath, or where the
	// distribution has it. Where a node has traces of several installers, it says that kubeadm is the one.
	ManifestDir string
}

// Node is a control-plane node as its static pods declare it. It holds no
// secrets, and reads back from its JSON unchanged.
type Node struct {
	// Distribution is what has set the node up: "kubeadm", "k3s", "kubespray" or "rke2". Those that use kubeadm, as kind and
	// minikube do, are "kubeadm".
	Distribution string `json:"distribution"`
	// Manifests are the static pod manifests that were read, relative to the
	// node's root and sorted.
	Manifests []string `json:"manifests"`
	Etcd      Etcd     `json:"etcd"`
	// APIServer is nil on a node that runs etcd alone.
	APIServer *APIServer `json:"apiServer,omitempty"`
	// Programs are those of the control plane that run here, each with the files that it is told to read, and after
	// them those of other static pods, such as a KMS plugin or kube-vip, each with the files that it mounts.
	Programs []Program `json:"programs"`
	// Files are the files and directories that a backup of the node has to hold beside
	// etcd's data, relative to the node's root and sorted: the manifests, what kubeadm
	// writes, every file that a flag of the control plane names, such as the encryption configuration, and those that
	// other static pods mount. What these name in turn is not among them: Programs has the mounts that such names go through.
	Files []string `json:"files"`
	// Directories are those of Files that are directories.
	Directories []string `json:"directories,omitempty"`
	// Warnings say what a backup or a restore of this node will lack, a sentence each.
	Warnings []string `json:"warnings,omitempty"`
}

// Program is one that a static pod runs.
type Program struct {
	// Name is that of its command, such as "kube-scheduler".
	Name  string  `json:"name"`
	Image Setting `json:"image,omitzero"`
	// Serves is the host and port of a program of the control plane, as its own node reaches it; zero for etcd, which has
	// Endpoints, and for what does not serve.
	Serves Setting `json:"serves,omitzero"`
	// Files are what its flags and variables name, by their paths on the node.
	Files []Setting `json:"files,omitempty"`
	// Mounts are the node's files and directories that it sees.
	Mounts []Mount `json:"mounts,omitempty"`
}

// Mount is a path in a container, and what of the node is there; OnNode is empty if nothing of it is, as for an emptyDir.
type Mount struct {
	Path   string `json:"path"`
	OnNode string `json:"onNode"`
}

// NodeFS returns the file system of the node mounted at dir: "/" on the node
// itself, "/host" in a pod that mounts the node's root there. The node's links
// resolve as they do on the node, absolute ones too, and none leads out of dir;
// that is what [os.DirFS] does not do. Pipes and devices cannot be opened.
func NodeFS(dir string) fs.FS { return rootfs.New(dir) }

// Read reads a node from its file system, see [NodeFS]. It looks at all of
// the manifests that the kubelet would look at: every regular file
// whose name does not start with a dot, each a v1 Pod in YAML or JSON of at most
// 1 MiB. A file that it cannot understand is an error, as it might be the one
// that matters.
//
// Errors to tell apart are [ErrNoEtcd], [ErrAmbiguous], [ErrDynamicCommand],
// *[PathNotOnHostError], *[DistributionError], and [fs.ErrNotExist] and [fs.ErrPermission] from root.
func Read(root fs.FS, opts Options) (*Node, error) {
	d, err := detect(root, opts)
	if err != nil {
		return nil, err
	}
	pods, err := d.staticPods(root, opts)
	if err != nil {
		return nil, fmt.Errorf("read static pods: %w", err)
	}
	node := &Node{Distribution: d.name}
	for _, pod := range pods {
		node.Manifests = append(node.Manifests, pod.file)
	}
	apiserver, err := findAPIServer(pods)
	if err != nil {
		return nil, fmt.Errorf("find kube-apiserver: %w", err)
	}
	etcd, err := d.findEtcd(root, pods, apiserver != nil)
	if err != nil {
		return nil, fmt.Errorf("find etcd: %w", err)
	}
	if err := node.readEtcd(etcd, apiserver, d.credentials); err != nil {
		return nil, fmt.Errorf("read etcd's settings: %w", err)
	}
	if err := node.readAPIServer(apiserver); err != nil {
		return nil, fmt.Errorf("read kube-apiserver's settings: %w", err)
	}
	if err := node.readFiles(root, pods, etcd, d); err != nil {
		return nil, fmt.Errorf("list files: %w", err)
	}
	return node, nil
}

func (d *distribution) staticPods(root fs.FS, opts Options) ([]staticPod, error) {
	dir := d.manifestDir
	var err error
	switch {
	case opts.ManifestDir != "":
		if dir = strings.TrimPrefix(path.Clean(opts.ManifestDir), "/"); !fs.ValidPath(dir) || dir == "." {
			return nil, fmt.Errorf("the directory of manifests is given as %q, which is none below the node's root", opts.ManifestDir)
		}
	case dir == "":
		return nil, nil // it has none
	case dir == manifestDir:
		dir, err = staticPodPath(root, dir)
	}
	if err != nil {
		return nil, err
	}
	if d != kubeadmNode && opts.ManifestDir == "" {
		if _, err := fs.Stat(root, dir); errors.Is(err, fs.ErrNotExist) {
			return nil, nil // a host of etcd alone
		}
	}
	return readStaticPods(root, dir)
}
