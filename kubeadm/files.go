package kubeadm

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// usualFiles are what kubeadm writes (cmd/kubeadm/app/constants/constants.go in
// kubernetes/kubernetes), where a node has them.
var usualFiles = []string{
	"etc/kubernetes/pki",
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

// controlPlane are the programs whose flags name files.
var controlPlane = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}

// fileFlags are how the names of their flags end that take a file to read. Others that take a
// path are for directories and for logs to write.
var fileFlags = []string{"file", "config", "kubeconfig", "certificate", "certificate-authority", "client-key"}

// files lists what of the node has to be in a backup: the manifests, what kubeadm usually
// writes, and every file that a flag of the control plane names. Of the usual files those are left out
// that are known not to be there: whoever collects the others says what is wrong with them.
func files(root fs.FS, pods []staticPod) ([]string, error) {
	list := []string{manifestDir}
	for _, name := range usualFiles {
		if _, err := fs.Stat(root, name); !errors.Is(err, fs.ErrNotExist) {
			list = append(list, name)
		}
	}
	for _, name := range controlPlane {
		for _, p := range programs(pods, name) {
			named, err := p.namedFiles()
			if err != nil {
				return nil, err
			}
			for _, file := range named {
				list = append(list, file)
				if dir := path.Dir(file); isCertificatesDir(root, dir) {
					list = append(list, dir)
				}
			}
		}
	}
	slices.Sort(list)
	return withoutChildren(slices.Compact(list)), nil
}

// namedFiles returns the files that the program's flags name, by their path on the node.
func (p *program) namedFiles() ([]string, error) {
	var found []string
	for _, flag := range p.flags {
		takesFile := slices.ContainsFunc(fileFlags, func(end string) bool { return strings.HasSuffix(flag.name, end) })
		if !takesFile || !path.IsAbs(flag.text) {
			continue
		}
		file := p.hostPath(Setting{Value: flag.text, Source: p.source("--" + flag.name)})
		if p.err != nil {
			return nil, p.err
		}
		name := strings.TrimPrefix(path.Clean(file.Value), "/")
		if name == "" {
			return nil, fmt.Errorf("%s is the root directory: give it a file", file.Source)
		}
		found = append(found, name)
	}
	return found, nil
}

// isCertificatesDir knows kubeadm's directory wherever it is, and with it the keys that
// no flag names: those of the CAs of etcd and of the front proxy.
func isCertificatesDir(root fs.FS, dir string) bool {
	for _, name := range []string{"ca.crt", "sa.key", "etcd/ca.crt"} {
		if _, err := fs.Stat(root, path.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// withoutChildren drops the paths that lie in a directory of the sorted list.
func withoutChildren(list []string) []string {
	var kept []string
	for _, name := range list {
		if !slices.ContainsFunc(kept, func(dir string) bool { return strings.HasPrefix(name, dir+"/") }) {
			kept = append(kept, name)
		}
	}
	return kept
}
