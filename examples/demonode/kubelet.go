package demonode

import "os"

// kubeletConfig is what the kubelet needs in order to find the static pods. kubeadm writes the zero values of
// the other fields as well, which say the same.
const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
authentication:
  anonymous:
    enabled: false
  webhook:
    enabled: true
  x509:
    clientCAFile: /etc/kubernetes/pki/ca.crt
authorization:
  mode: Webhook
cgroupDriver: systemd
clusterDNS:
- 10.96.0.10
clusterDomain: cluster.local
healthzBindAddress: 127.0.0.1
healthzPort: 10248
kind: KubeletConfiguration
rotateCertificates: true
staticPodPath: /etc/kubernetes/manifests
`

const (
	kubeletInstanceConfig = "containerRuntimeEndpoint: \"unix:///var/run/containerd/containerd.sock\"\n"
	kubeletFlags          = "KUBELET_KUBEADM_ARGS=\"--hostname-override=" + nodeName + "\"\n"
)

// writeKubelet writes the three kubelet files of kubeadm init (cmd/kubeadm/app/phases/kubelet, v1.37).
func writeKubelet(tree *os.Root) error {
	if err := writeFile(tree, "var/lib/kubelet/config.yaml", []byte(kubeletConfig), 0o644); err != nil {
		return err
	}
	if err := writeFile(tree, "var/lib/kubelet/instance-config.yaml", []byte(kubeletInstanceConfig), 0o644); err != nil {
		return err
	}
	return writeFile(tree, "var/lib/kubelet/kubeadm-flags.env", []byte(kubeletFlags), 0o644)
}
