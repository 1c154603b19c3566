package kubecluster

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// clusterConfig is what kubeadm init makes the first node of. Its words in capitals are replaced.
const clusterConfig = `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: ADDRESS}
bootstrapTokens: [{token: TOKEN}]
certificateKey: CERTIFICATEKEY
skipPhases: [addon/coredns]
NODE
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: VERSION
controlPlaneEndpoint: ENDPOINT
networking: {podSubnet: PODS, serviceSubnet: SERVICES}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
evictionHard: {memory.available: "0%", nodefs.available: "0%", imagefs.available: "0%", nodefs.inodesFree: "0%"}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
conntrack: {maxPerCore: 0}
`

const joinConfig = `apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
controlPlane:
  certificateKey: CERTIFICATEKEY
  localAPIEndpoint: {advertiseAddress: ADDRESS}
discovery:
  bootstrapToken: {apiServerEndpoint: ENDPOINT, token: TOKEN, caCertHashes: ["CAHASH"]}
NODE
`

// nodeConfig is the same for each node. Swap, cores, memory and control groups are the test machine's.
const nodeConfig = `nodeRegistration:
  name: NAME
  criSocket: unix:///run/containerd/containerd.sock
  imagePullPolicy: Never
  taints: []
  kubeletExtraArgs: [{name: node-ip, value: ADDRESS}]
  ignorePreflightErrors: [SystemVerification, Swap, NumCPU, Mem]`

// KubeadmConfig is the file on each node that kubeadm was given.
const KubeadmConfig = "/etc/kubeadm.yaml"

// setUp makes a node of a new machine, and prints what that took.
func (n *Node) setUp(ctx context.Context, t testing.TB) error {
	if err := n.writeKubeadmConfig(); err != nil {
		return err
	}
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{{"boot", n.Boot}, {"import images", n.importImages}, {"kubeadm", n.kubeadm}} {
		start := time.Now()
		if err := step.do(ctx); err != nil {
			return err
		}
		t.Logf("%6.1f s  %s: %s", time.Since(start).Seconds(), n.Name, step.name)
	}
	return nil
}

// kubeadm has the node begin a cluster, or join the first.
func (n *Node) kubeadm(ctx context.Context) error {
	args := []string{"kubeadm", "join", "--config", KubeadmConfig}
	if n.number == 1 {
		args = []string{"kubeadm", "init", "--config", KubeadmConfig, "--upload-certs"}
	}
	if out, err := n.Enter(ctx, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

func (n *Node) writeKubeadmConfig() error {
	text, hash := clusterConfig, ""
	if n.number > 1 {
		text = joinConfig
		var err error
		if hash, err = n.cluster.Nodes[0].caHash(); err != nil {
			return err
		}
	}
	text = strings.Replace(text, "NODE\n", nodeConfig+"\n", 1)
	text = strings.NewReplacer(
		"NAME", n.Name, "ADDRESS", n.Address, "VERSION", version(), "ENDPOINT", endpoint+":"+apiPort,
		"PODS", podNetwork, "SERVICES", serviceNetwork,
		"TOKEN", n.cluster.secret.token, "CERTIFICATEKEY", n.cluster.secret.certificateKey, "CAHASH", hash,
	).Replace(text)
	return os.WriteFile(filepath.Join(n.Root, KubeadmConfig), []byte(text), 0o600)
}

// caHash is what new nodes know the cluster by: see kubeadm join, --discovery-token-ca-cert-hash.
func (n *Node) caHash() (string, error) {
	text, err := os.ReadFile(filepath.Join(n.Root, "etc/kubernetes/pki/ca.crt"))
	if err != nil {
		return "", err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return "", errors.New("ca.crt is no PEM")
	}
	ca, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(ca.RawSubjectPublicKeyInfo)), nil
}
