package demonode

import (
	"strings"

	"go.etcd.io/etcd/api/v3/version"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

const kubernetesVersion = "v1.37.2"

// The flags are those of cmd/kubeadm/app/phases/controlplane/manifests.go, v1.37, sorted by name as there.
const apiserverFlags = `
--advertise-address=127.0.0.1
--allow-privileged=true
--authorization-mode=Node,RBAC
--client-ca-file=/etc/kubernetes/pki/ca.crt
--enable-admission-plugins=NodeRestriction
--enable-bootstrap-token-auth=true
--etcd-cafile=/etc/kubernetes/pki/etcd/ca.crt
--etcd-certfile=/etc/kubernetes/pki/apiserver-etcd-client.crt
--etcd-keyfile=/etc/kubernetes/pki/apiserver-etcd-client.key
--etcd-servers=ETCD
--kubelet-client-certificate=/etc/kubernetes/pki/apiserver-kubelet-client.crt
--kubelet-client-key=/etc/kubernetes/pki/apiserver-kubelet-client.key
--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname
--proxy-client-cert-file=/etc/kubernetes/pki/front-proxy-client.crt
--proxy-client-key-file=/etc/kubernetes/pki/front-proxy-client.key
--requestheader-allowed-names=front-proxy-client
--requestheader-client-ca-file=/etc/kubernetes/pki/front-proxy-ca.crt
--requestheader-extra-headers-prefix=X-Remote-Extra-
--requestheader-group-headers=X-Remote-Group
--requestheader-username-headers=X-Remote-User
--secure-port=6443
--service-account-issuer=https://kubernetes.default.svc.cluster.local
--service-account-key-file=/etc/kubernetes/pki/sa.pub
--service-account-signing-key-file=/etc/kubernetes/pki/sa.key
--service-cluster-ip-range=10.96.0.0/12
--tls-cert-file=/etc/kubernetes/pki/apiserver.crt
--tls-private-key-file=/etc/kubernetes/pki/apiserver.key
`

const controllerManagerFlags = `
--authentication-kubeconfig=/etc/kubernetes/controller-manager.conf
--authorization-kubeconfig=/etc/kubernetes/controller-manager.conf
--bind-address=127.0.0.1
--client-ca-file=/etc/kubernetes/pki/ca.crt
--cluster-name=kubernetes
--cluster-signing-cert-file=/etc/kubernetes/pki/ca.crt
--cluster-signing-key-file=/etc/kubernetes/pki/ca.key
--controllers=*,bootstrapsigner,tokencleaner
--kubeconfig=/etc/kubernetes/controller-manager.conf
--leader-elect=true
--requestheader-client-ca-file=/etc/kubernetes/pki/front-proxy-ca.crt
--root-ca-file=/etc/kubernetes/pki/ca.crt
--service-account-private-key-file=/etc/kubernetes/pki/sa.key
--use-service-account-credentials=true
`

const schedulerFlags = `
--authentication-kubeconfig=/etc/kubernetes/scheduler.conf
--authorization-kubeconfig=/etc/kubernetes/scheduler.conf
--bind-address=127.0.0.1
--kubeconfig=/etc/kubernetes/scheduler.conf
--leader-elect=true
`

func etcd(m member) component {
	return component{
		name:  "etcd",
		image: "registry.k8s.io/etcd:" + version.Version + "-0", // the version that really runs
		flags: m.flags(),
		requests: corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse("100m"),
			corev1.ResourceMemory: resource.MustParse("100Mi"),
		},
		mounts: []mount{
			{"etcd-certs", "/etc/kubernetes/pki/etcd", corev1.HostPathDirectoryOrCreate, false},
			{"etcd-data", "/" + dataDir, corev1.HostPathDirectoryOrCreate, false},
		},
		annotations: map[string]string{"kubeadm.kubernetes.io/etcd.advertise-client-urls": m.client().String()},
		port:        int32(m.metricsPort), scheme: corev1.URISchemeHTTP,
		live: "/livez", ready: "/readyz", started: "/readyz",
	}
}

func apiserver(m member) component {
	return component{
		name:     "kube-apiserver",
		image:    "registry.k8s.io/kube-apiserver:" + kubernetesVersion,
		flags:    strings.Fields(strings.Replace(apiserverFlags, "ETCD", m.client().String(), 1)),
		requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("250m")},
		mounts: []mount{
			{"ca-certs", "/etc/ssl/certs", corev1.HostPathDirectoryOrCreate, true},
			{"k8s-certs", "/etc/kubernetes/pki", corev1.HostPathDirectoryOrCreate, true},
		},
		annotations: map[string]string{"kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint": "127.0.0.1:6443"},
		port:        6443, scheme: corev1.URISchemeHTTPS,
		live: "/livez", ready: "/readyz", started: "/livez",
	}
}

func controllerManager() component {
	return component{
		name:     "kube-controller-manager",
		image:    "registry.k8s.io/kube-controller-manager:" + kubernetesVersion,
		flags:    strings.Fields(controllerManagerFlags),
		requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("200m")},
		mounts: []mount{
			{"ca-certs", "/etc/ssl/certs", corev1.HostPathDirectoryOrCreate, true},
			{"k8s-certs", "/etc/kubernetes/pki", corev1.HostPathDirectoryOrCreate, true},
			{"kubeconfig", "/etc/kubernetes/controller-manager.conf", corev1.HostPathFileOrCreate, true},
		},
		port: 10257, scheme: corev1.URISchemeHTTPS,
		live: "/healthz", started: "/healthz",
	}
}

func scheduler() component {
	return component{
		name:     "kube-scheduler",
		image:    "registry.k8s.io/kube-scheduler:" + kubernetesVersion,
		flags:    strings.Fields(schedulerFlags),
		requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m")},
		mounts:   []mount{{"kubeconfig", "/etc/kubernetes/scheduler.conf", corev1.HostPathFileOrCreate, true}},
		port:     10259, scheme: corev1.URISchemeHTTPS,
		live: "/livez", ready: "/readyz", started: "/livez",
	}
}
