package pkibundle

import (
	"bytes"
	"path"
	"strings"

	"github.com/clustersnap/clustersnap/internal/boundedyaml"
	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

// flagRoles are the flags that say what a file is for. Of two the first counts: a key that signs tokens may verify them, too.
var flagRoles = []struct{ program, flag, role string }{
	{"kube-apiserver", "client-ca-file", role.ClusterCACert},
	{"kube-apiserver", "tls-cert-file", role.APIServerCert},
	{"kube-apiserver", "tls-private-key-file", role.APIServerKey},
	{"kube-apiserver", "kubelet-client-certificate", role.KubeletClientCert},
	{"kube-apiserver", "kubelet-client-key", role.KubeletClientKey},
	{"kube-apiserver", "proxy-client-cert-file", role.FrontProxyClientCert},
	{"kube-apiserver", "proxy-client-key-file", role.FrontProxyClientKey},
	{"kube-apiserver", "requestheader-client-ca-file", role.FrontProxyCACert},
	{"kube-apiserver", "service-account-signing-key-file", role.ServiceAccount},
	{"kube-apiserver", "encryption-provider-config", role.Encryption},
	{"kube-apiserver", "etcd-cafile", role.EtcdCACert},
	{"kube-apiserver", "etcd-certfile", role.EtcdClientCert},
	{"kube-apiserver", "etcd-keyfile", role.EtcdClientKey},
	{"etcd", "trusted-ca-file", role.EtcdCACert},
	{"etcd", "cert-file", role.EtcdServerCert},
	{"etcd", "key-file", role.EtcdServerKey},
	{"etcd", "peer-cert-file", role.EtcdPeerCert},
	{"etcd", "peer-key-file", role.EtcdPeerKey},
	{"kube-controller-manager", "cluster-signing-cert-file", role.ClusterCACert},
	{"kube-controller-manager", "cluster-signing-key-file", role.ClusterCAKey},
	{"kube-controller-manager", "service-account-private-key-file", role.ServiceAccount},
	{"kube-controller-manager", "kubeconfig", role.ControllerManagerConf},
	{"kube-scheduler", "kubeconfig", role.SchedulerConf},
	{"kube-apiserver", "service-account-key-file", role.ServiceAccountPK},
}

// certificateRoles are kubeadm's names in its directory of certificates (cmd/kubeadm/app/constants/constants.go in
// kubernetes/kubernetes).
var certificateRoles = map[string]string{
	"ca.crt":                       role.ClusterCACert,
	"ca.key":                       role.ClusterCAKey,
	"sa.key":                       role.ServiceAccount,
	"sa.pub":                       role.ServiceAccountPK,
	"front-proxy-ca.crt":           role.FrontProxyCACert,
	"front-proxy-ca.key":           role.FrontProxyCAKey,
	"front-proxy-client.crt":       role.FrontProxyClientCert,
	"front-proxy-client.key":       role.FrontProxyClientKey,
	"apiserver.crt":                role.APIServerCert,
	"apiserver.key":                role.APIServerKey,
	"apiserver-kubelet-client.crt": role.KubeletClientCert,
	"apiserver-kubelet-client.key": role.KubeletClientKey,
	"apiserver-etcd-client.crt":    role.EtcdClientCert,
	"apiserver-etcd-client.key":    role.EtcdClientKey,
	"etcd/ca.crt":                  role.EtcdCACert,
	"etcd/ca.key":                  role.EtcdCAKey,
	"etcd/server.crt":              role.EtcdServerCert,
	"etcd/server.key":              role.EtcdServerKey,
	"etcd/peer.crt":                role.EtcdPeerCert,
	"etcd/peer.key":                role.EtcdPeerKey,
	"etcd/healthcheck-client.crt":  role.EtcdHealthcheckCert,
	"etcd/healthcheck-client.key":  role.EtcdHealthcheckKey,
}

// nodeRoles are kubeadm's and the kubelet's names elsewhere.
var nodeRoles = map[string]string{
	"etc/kubernetes/admin.conf":              role.AdminConf,
	"etc/kubernetes/super-admin.conf":        role.SuperAdminConf,
	"etc/kubernetes/controller-manager.conf": role.ControllerManagerConf,
	"etc/kubernetes/scheduler.conf":          role.SchedulerConf,
	"etc/kubernetes/kubelet.conf":            role.KubeletConf,
	"var/lib/kubelet/pki/kubelet.crt":        role.KubeletServingCert,
	"var/lib/kubelet/pki/kubelet.key":        role.KubeletServingKey,
	"var/lib/kubelet/config.yaml":            role.Kubelet,
	"var/lib/kubelet/instance-config.yaml":   role.Kubelet,
	"var/lib/kubelet/kubeadm-flags.env":      role.Kubelet,
	"etc/default/kubelet":                    role.Kubelet,
	"etc/sysconfig/kubelet":                  role.Kubelet,
}

// assignRoles says of each file what it is for: by the flag that names it, else by kubeadm's name for it. A link has the
// role of what it leads to.
func assignRoles(b *Bundle, programs []Program) {
	roles := map[string]string{}
	say := func(name, role string) {
		if at, err := follow(name, b.linkText); err == nil && roles[at] == "" {
			roles[at] = role
		}
	}
	for _, known := range flagRoles {
		for _, p := range programs {
			for _, ref := range p.Files {
				if p.Name == known.program && flagName(ref.Flag) == known.flag {
					say(strings.TrimPrefix(path.Clean(ref.Path), "/"), known.role)
				}
			}
		}
	}
	dirs := []string{"etc/kubernetes/pki", "var/lib/minikube/certs"}
	for at, r := range roles {
		if r == role.ClusterCACert {
			dirs = append(dirs, path.Dir(at))
		}
	}
	for _, dir := range dirs {
		for name, role := range certificateRoles {
			say(path.Join(dir, name), role)
		}
	}
	for name, role := range nodeRoles {
		say(name, role)
	}
	for _, p := range programs {
		for _, ref := range p.Files {
			say(strings.TrimPrefix(path.Clean(ref.Path), "/"), role.Referenced)
		}
	}
	for i, f := range b.Files {
		at, err := follow(f.Path, b.linkText)
		if err != nil {
			at = f.Path
		}
		b.Files[i].Role = roles[at]
		if roles[at] == "" {
			b.Files[i].Role = roleByForm(at, f)
		}
	}
}

// roleByForm is that of a file with no fixed name.
func roleByForm(at string, f File) string {
	dir, name := path.Split(at)
	switch {
	case dir == "var/lib/kubelet/pki/" && strings.HasPrefix(name, "kubelet-client-"): // client-go, certificate_store.go
		return role.KubeletOwnClient
	case dir == "var/lib/kubelet/pki/" && strings.HasPrefix(name, "kubelet-server-"):
		return role.KubeletOwnServer
	case strings.Contains(dir, "/kubelet.service.d/"):
		return role.Kubelet
	case path.Base(dir) != "patches" && isPod(f.Data): // kubeadm's patches have the form of what they patch
		return role.StaticPod
	}
	return role.Other
}

// isPod says whether a file is the manifest of a pod.
func isPod(data []byte) bool {
	var file struct {
		Kind string `json:"kind"`
	}
	return bytes.Contains(data, []byte("Pod")) && boundedyaml.Unmarshal(data, &file) == nil && file.Kind == "Pod"
}

// flagName is that of a flag or, for etcd, of its environment variable.
func flagName(flag string) string {
	if variable, ok := strings.CutPrefix(flag, "ETCD_"); ok {
		flag = strings.ToLower(variable)
	}
	return strings.ReplaceAll(strings.TrimLeft(flag, "-"), "_", "-")
}
