package pkireissue

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
	"github.com/clustersnap/clustersnap/pkibundle/reissue"
)

// kubeadm runs in the root of the node, with a configuration that says the same as n, and gives what it prints.
func kubeadm(t *testing.T, node *bed.Node, n reissue.Node, args ...string) string {
	t.Helper()
	config := filepath.Join(node.Root, "kubeadm.yaml")
	dir := "/" + filepath.Dir(bed.EncryptionConfig)
	text := fmt.Sprintf(`
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: %q}
nodeRegistration: {name: %q, criSocket: "unix:///run/containerd/containerd.sock"}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: %q
apiServer:
  extraArgs: [{name: encryption-provider-config, value: %q}]
  extraVolumes: [{name: encryption, hostPath: %q, mountPath: %q, readOnly: true, pathType: Directory}]
`, n.AdvertiseAddress, n.Name, n.Version, "/"+bed.EncryptionConfig, dir, dir)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(config)
	args = append(args, "--rootfs", node.Root, "--config", "/kubeadm.yaml")
	return node.Output(t, exec.Command(peers.Kubeadm.Path(t), args...))
}

// accepted has kubeadm look at the files. Its phases of init would make those that are missing, and fail on those whose
// CA or names are not as it would make them; check-expiration reads them all.
func accepted(t *testing.T, node *bed.Node, n reissue.Node) {
	t.Helper()
	before := contents(t, node.Root)
	kubeadm(t, node, n, "init", "phase", "certs", "all")
	kubeadm(t, node, n, "init", "phase", "kubeconfig", "all")
	after := contents(t, node.Root)
	for name, data := range after {
		if !bytes.Equal(before[name], data) {
			t.Errorf("kubeadm made another %s", name)
		}
	}
	if len(after) != len(before) || len(after) != 27 {
		t.Errorf("there were %d files, and kubeadm made them %d", len(before), len(after))
	}
	type certificate struct {
		Name                       string
		Missing, ExternallyManaged bool
		ResidualTime               int // seconds
	}
	var info struct{ Certificates, CertificateAuthorities []certificate }
	text := kubeadm(t, node, n, "certs", "check-expiration", "--output", "json")
	if err := json.Unmarshal([]byte(text), &info); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	for _, c := range append(info.Certificates, info.CertificateAuthorities...) {
		if c.Missing || c.ExternallyManaged || c.ResidualTime < 364*24*3600 {
			t.Errorf("check-expiration: %+v", c)
		}
	}
	if len(info.Certificates) != 11 || len(info.CertificateAuthorities) != 3 {
		t.Errorf("check-expiration knows %s", text)
	}
}

// contents reads certificates, keys and kubeconfigs of a node.
func contents(t *testing.T, root string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	for _, pattern := range []string{"*.conf", "pki/*.crt", "pki/*.key", "pki/*.pub", "pki/etcd/*"} {
		names, err := filepath.Glob(filepath.Join(root, "etc/kubernetes", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			found[name] = data
		}
	}
	return found
}
