package bed

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// shared are the files that all nodes of a control plane have in common, and from which kubeadm makes the others: see
// certs.GetSharedCertificates and copycerts in cmd/kubeadm/app/phases of kubernetes/kubernetes.
var shared = []string{
	"ca.crt", "ca.key", "sa.key", "sa.pub", "front-proxy-ca.crt", "front-proxy-ca.key", "etcd/ca.crt", "etcd/ca.key",
}

// kubeadm is how one node's files are made.
type kubeadm struct {
	program string
	node    *Node
	opts    Options
}

// initFirst makes the files of the node on which kubeadm init has run.
func (k kubeadm) initFirst(ctx context.Context) error {
	phases := []string{
		"certs all", "kubeconfig all", "kubelet-start", "etcd local",
		"control-plane apiserver", "control-plane controller-manager",
	}
	if k.opts.Scheduler {
		phases = append(phases, "control-plane scheduler")
	}
	if k.opts.Encryption {
		if err := writeEncryptionConfig(k.node.Root); err != nil {
			return err
		}
	}
	return k.phases(ctx, phases)
}

// initMember makes what etcd needs of the files of a node that has joined first.
func (k kubeadm) initMember(ctx context.Context, first *Node) error {
	for _, name := range shared {
		name = filepath.Join("etc/kubernetes/pki", name)
		if err := copyFile(filepath.Join(first.Root, name), filepath.Join(k.node.Root, name)); err != nil {
			return err
		}
	}
	return k.phases(ctx, []string{"certs all", "etcd local"})
}

// phases has kubeadm run phases of init inside the root.
func (k kubeadm) phases(ctx context.Context, phases []string) error {
	const name = "/kubeadm.yaml" // as kubeadm sees it, which changes its root
	config, err := k.config()
	if err != nil {
		return err
	}
	file := filepath.Join(k.node.Root, name)
	if err := os.WriteFile(file, config, 0o600); err != nil {
		return err
	}
	defer os.Remove(file)
	for _, phase := range phases {
		args := append([]string{"init", "phase"}, strings.Fields(phase)...)
		cmd := exec.CommandContext(ctx, k.program, append(args, "--rootfs", k.node.Root, "--config", name)...)
		var out strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := k.node.Run(cmd); err != nil {
			return fmt.Errorf("kubeadm init phase %s: %w\n%s", phase, err, &out)
		}
	}
	if k.opts.EtcdVersion == "3.5" {
		return writeFlagsOf35(k.node)
	}
	return nil
}

// config is the kubeadm.k8s.io/v1beta4 configuration of the node.
func (k kubeadm) config() ([]byte, error) {
	_, version, _ := strings.Cut(peers.KubeAPIServer.String(), " ")
	type object = map[string]any
	var args, volumes []object
	if k.opts.EtcdPrefix != "" {
		args = append(args, object{"name": "etcd-prefix", "value": k.opts.EtcdPrefix})
	}
	if k.opts.Encryption {
		args = append(args, object{"name": "encryption-provider-config", "value": "/" + EncryptionConfig})
		dir := "/" + filepath.Dir(EncryptionConfig)
		volumes = append(volumes, object{
			"name": "encryption", "hostPath": dir, "mountPath": dir, "readOnly": true, "pathType": "Directory",
		})
	}
	first, err := yaml.Marshal(object{
		"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "InitConfiguration",
		"localAPIEndpoint": object{"advertiseAddress": k.node.Address},
		"nodeRegistration": object{"name": k.node.Name, "criSocket": "unix:///run/containerd/containerd.sock"},
	})
	if err != nil {
		return nil, err
	}
	second, err := yaml.Marshal(object{
		"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration",
		"kubernetesVersion": version,
		"etcd":              object{"local": object{"imageTag": k.opts.imageTag()}},
		"apiServer":         object{"extraArgs": args, "extraVolumes": volumes},
		// Its own limit is 20 calls a second, which tests with hundreds of objects would wait for.
		"controllerManager": object{"extraArgs": []object{
			{"name": "kube-api-qps", "value": "500"}, {"name": "kube-api-burst", "value": "1000"},
		}},
	})
	return append(append(first, "---\n"...), second...), err
}

// writeFlagsOf35 gives the manifest of etcd the flags that kubeadm v1.33 wrote, the last for etcd 3.5. Those that
// kubeadm v1.36 and later write are not known to it, whatever the imageTag: getEtcdCommand in
// cmd/kubeadm/app/phases/etcd/local.go.
func writeFlagsOf35(n *Node) error {
	return editManifest(n, "etcd", strings.NewReplacer(
		"    - --feature-gates=InitialCorruptCheck=true\n", "    - --experimental-initial-corrupt-check=true\n"+
			"    - --experimental-watch-progress-notify-interval=5s\n",
		"    - --watch-progress-notify-interval=5s\n", "",
	))
}

// editManifest changes the text of one static pod of the node.
func editManifest(n *Node, pod string, edit *strings.Replacer) error {
	file := n.manifest(pod)
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	edited := edit.Replace(string(text))
	if edited == string(text) {
		return fmt.Errorf("edit %s: it has none of the lines to replace", file)
	}
	return os.WriteFile(file, []byte(edited), 0o600)
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}
