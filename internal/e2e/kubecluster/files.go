package kubecluster

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// copied are what programs on a node need of the test machine's /etc.
var copied = []string{
	"alternatives", "ca-certificates", "ca-certificates.conf", "group", "ld.so.cache", "ld.so.conf", "ld.so.conf.d",
	"nsswitch.conf", "os-release", "passwd", "protocols", "services", "ssl/certs",
}

const containerdConfig = `version = 2
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "PAUSE"
  disable_apparmor = true
  # Root of a test machine may lack CAP_SYS_RESOURCE: then no process can have a lower oom_score_adj.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
`

// podNetworkConfig is for the plugins of Debian's containernetworking-plugins. As on many machines, what they note of
// addresses does not outlive a power cut.
const podNetworkConfig = `{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "/run/cni", "ranges": [[{"subnet": "SUBNET"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
`

// writeFiles gives a node the files that its machine has before kubeadm comes.
func (n *Node) writeFiles() error {
	etc := filepath.Join(n.Root, "etc")
	for _, name := range copied {
		if err := copyTree(filepath.Join("/etc", name), filepath.Join(etc, name)); err != nil {
			return err
		}
	}
	id := make([]byte, 16)
	rand.Read(id) // never returns an error
	for name, text := range map[string]string{
		"hosts":                      n.cluster.names(),
		"hostname":                   n.Name + "\n",
		"machine-id":                 fmt.Sprintf("%x\n", id),
		"resolv.conf":                "",
		"containerd/config.toml":     strings.ReplaceAll(containerdConfig, "PAUSE", n.cluster.tools.pause),
		"cni/net.d/10-pods.conflist": strings.ReplaceAll(podNetworkConfig, "SUBNET", podSubnet(n.number)),
	} {
		file := filepath.Join(etc, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// names are what nodes have in /etc/hosts.
func (c *Cluster) names() string {
	var names strings.Builder
	names.WriteString("127.0.0.1 localhost\n")
	for name, address := range c.hosts() {
		fmt.Fprintf(&names, "%s %s\n", address, name)
	}
	return names.String()
}

// copyTree copies files, folders and links. What is not there is no error.
func copyTree(from, to string) error {
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		within, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		at := filepath.Join(to, within)
		switch {
		case d.IsDir():
			return os.MkdirAll(at, 0o755)
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(target, at)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(at, text, 0o644)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
