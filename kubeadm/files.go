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
	"etc/kubernetes/patches", // where kubeadm's documents put them
	"etc/default/kubelet",    // read by the drop-ins below, on Debian and on Fedora
	"etc/sysconfig/kubelet",
	"etc/systemd/system/kubelet.service.d",
	"usr/lib/systemd/system/kubelet.service.d",
}

// controlPlane are the programs whose flags name files.
var controlPlane = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}

// fileFlags are how the names of their flags end that take a file to read. Others that take a
// path are for directories and for what is written.
var fileFlags = []string{"file", "config", "kubeconfig", "certificate", "certificate-authority", "client-key", "allow-metric-labels-manifest"}

// otherFlags end so too, and take no file, or one to write.
var otherFlags = []string{"runtime-config", "log-file", "lock-file", "use-legacy-policy-config"}

// repeatedFlags are those whose earlier occurrences count, too.
var repeatedFlags = []string{"service-account-key-file", "tls-sni-cert-key"}

// readFiles lists what of the node has to be in a backup: the manifests, what the distribution usually
// writes, every file that a flag of the control plane names, and those that other static pods mount. Of the usual files those are left out
// that are known not to be there: whoever collects the others says what is wrong with them.
func (n *Node) readFiles(root fs.FS, pods []staticPod, etcd *program, d *distribution) error {
	var list []string
	if len(n.Manifests) > 0 {
		list = append(list, path.Dir(n.Manifests[0]))
	}
	for _, name := range slices.Concat(usualFiles, d.files) {
		if _, err := fs.Stat(root, name); !errors.Is(err, fs.ErrNotExist) {
			list = append(list, name)
		}
	}
	for _, name := range controlPlane {
		found, err := programs(pods, name)
		if err != nil {
			return err
		}
		if name == "etcd" {
			found = nil
			if etcd != nil {
				found = []*program{etcd}
			}
		} else if len(found) == 0 {
			if err := startedIndirectly(pods, name); err != nil {
				return err
			}
		}
		for _, p := range found {
			named, err := p.namedFiles()
			if err != nil {
				return err
			}
			n.Programs = append(n.Programs, Program{Name: name, Image: p.image(), Serves: p.serves(name), Files: named, Mounts: p.mounts()})
			if p.err != nil {
				return p.err
			}
			if p.file != p.manifest {
				list = append(list, p.file)
			}
			for _, file := range named {
				name := strings.TrimPrefix(file.Value, "/")
				list = append(list, name)
				if dir := path.Dir(name); isCertificatesDir(root, dir) {
					list = append(list, dir)
				}
			}
		}
	}
	for _, p := range others(pods) {
		files, left := p.mountedFiles(root)
		for _, file := range files {
			list = append(list, strings.TrimPrefix(file.Value, "/"))
		}
		for _, file := range left {
			n.warn("%s is %s, which a backup of files leaves out: it is more than 1 MiB, or holds more than files", file.Source, file.Value)
		}
		n.Programs = append(n.Programs, Program{Name: p.name(), Image: p.image(), Files: files, Mounts: p.mounts()})
	}
	slices.Sort(list)
	n.Files = withoutChildren(slices.Compact(list))
	for _, name := range n.Files {
		if info, err := fs.Stat(root, name); err == nil && info.IsDir() {
			n.Directories = append(n.Directories, name)
		}
	}
	return nil
}

// namedFiles returns the files that the program's flags and variables name, by their path on the node.
func (p *program) namedFiles() ([]Setting, error) {
	var found []Setting
	take := func(s Setting) {
		if s.Value == "" || p.err != nil {
			return
		}
		if strings.Contains(s.Value, "$(") {
			p.fail(fmt.Errorf("%s is %q: %w: write the value out", s.Source, s.Value, ErrDynamicCommand))
			return
		}
		file := p.hostPath(s)
		if file.Value = path.Clean(file.Value); file.Value == "/" {
			p.fail(fmt.Errorf("%s is the root directory: give it a file", s.Source))
		}
		found = append(found, file)
	}
	for i, flag := range p.flags {
		again := slices.ContainsFunc(p.flags[i+1:], func(f flagValue) bool { return f.name == flag.name })
		if again && !slices.Contains(repeatedFlags, flag.name) {
			continue
		}
		for _, file := range filesOf(flag.name, flag.text) {
			take(Setting{Value: file, Source: p.source(p.key(flag.name))})
		}
	}
	for _, variable := range p.env {
		key, ok := strings.CutPrefix(variable.Name, p.envPrefix)
		if p.envPrefix == "" || !ok {
			continue
		}
		name := strings.ToLower(strings.ReplaceAll(key, "_", "-"))
		if setting := p.declared(name); setting.Source.Key == variable.Name {
			for _, file := range filesOf(name, setting.Value) {
				take(Setting{Value: file, Source: setting.Source})
			}
		}
	}
	return found, p.err
}

// filesOf returns the files to read that a flag names with its value.
func filesOf(flag, value string) []string {
	switch {
	case flag == "tls-sni-cert-key": // CERT,KEY:DOMAIN,DOMAIN
		pair, _, _ := strings.Cut(value, ":")
		return strings.Split(pair, ",")
	case flag == "auth-token": // jwt,pub-key=FILE,priv-key=FILE,...
		var found []string
		for option := range strings.SplitSeq(value, ",") {
			if key, file, ok := strings.Cut(option, "="); ok && strings.HasSuffix(key, "-key") {
				found = append(found, file)
			}
		}
		return found
	case slices.Contains(otherFlags, flag):
		return nil
	case slices.ContainsFunc(fileFlags, func(end string) bool { return strings.HasSuffix(flag, end) }):
		return []string{value}
	}
	return nil
}

// isCertificatesDir knows kubeadm's directory wherever it is, and with it the keys that
// no flag names: those of the CAs of etcd and of the front proxy.
func isCertificatesDir(root fs.FS, dir string) bool {
	has := func(name string) bool {
		_, err := fs.Stat(root, path.Join(dir, name))
		return err == nil
	}
	// Which of the last it has depends on whether etcd is kubeadm's, too.
	return has("ca.crt") && has("sa.key") && (has("etcd/ca.crt") || has("front-proxy-ca.crt"))
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
