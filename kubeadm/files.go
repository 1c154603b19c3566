package kubeadm

import (
	"errors"
	"io/fs"
	"path"
	"strings"
)

// optionalFiles are those that kubeadm writes beside certificates and manifests, where a node has
// them (cmd/kubeadm/app/constants/constants.go in kubernetes/kubernetes).
var optionalFiles = []string{
	"etc/kubernetes/admin.conf",
	"etc/kubernetes/super-admin.conf", // v1.29 and later, on the first node
	"etc/kubernetes/controller-manager.conf",
	"etc/kubernetes/scheduler.conf",
	"etc/kubernetes/kubelet.conf",
	"var/lib/kubelet/config.yaml",
	"var/lib/kubelet/instance-config.yaml", // v1.37 writes it, v1.29 did not
	"var/lib/kubelet/kubeadm-flags.env",
	"var/lib/kubelet/pki",
}

// files lists what of the node has to be in a backup. Optional files are left out only
// where they are known not to be there: whoever collects the others says what is wrong with them.
func files(root fs.FS, etcd *Etcd) []string {
	list := []string{certificatesDir(etcd), manifestDir}
	for _, name := range optionalFiles {
		if _, err := fs.Stat(root, name); !errors.Is(err, fs.ErrNotExist) {
			list = append(list, name)
		}
	}
	return list
}

// certificatesDir is kubeadm's, which has etcd/ca.crt in it and need not be the default.
func certificatesDir(etcd *Etcd) string {
	if dir, ok := strings.CutSuffix(etcd.CAFile.Value, "/etcd/ca.crt"); ok && path.IsAbs(dir) {
		return dir[1:]
	}
	return "etc/kubernetes/pki"
}
