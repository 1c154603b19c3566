// Package role names what the files of a node are for. The names are part of the bundle's format.
package role

// The roles. Those of a pair have one stem: the certificate of X is X-cert, its key X-key.
const (
	ClusterCACert    = "cluster-ca-cert"
	ClusterCAKey     = "cluster-ca-key"
	EtcdCACert       = "etcd-ca-cert"
	EtcdCAKey        = "etcd-ca-key"
	FrontProxyCACert = "front-proxy-ca-cert"
	FrontProxyCAKey  = "front-proxy-ca-key"
	ServiceAccount   = "service-account-key" // signs the tokens of service accounts
	ServiceAccountPK = "service-account-pub" // verifies them

	APIServerCert         = "apiserver-cert"
	APIServerKey          = "apiserver-key"
	KubeletClientCert     = "apiserver-kubelet-client-cert" // kube-apiserver's, towards kubelets
	KubeletClientKey      = "apiserver-kubelet-client-key"
	EtcdClientCert        = "apiserver-etcd-client-cert" // kube-apiserver's, towards etcd
	EtcdClientKey         = "apiserver-etcd-client-key"
	FrontProxyClientCert  = "front-proxy-client-cert"
	FrontProxyClientKey   = "front-proxy-client-key"
	EtcdServerCert        = "etcd-server-cert"
	EtcdServerKey         = "etcd-server-key"
	EtcdPeerCert          = "etcd-peer-cert"
	EtcdPeerKey           = "etcd-peer-key"
	EtcdHealthcheckCert   = "etcd-healthcheck-client-cert"
	EtcdHealthcheckKey    = "etcd-healthcheck-client-key"
	KubeletServingCert    = "kubelet-serving-cert"
	KubeletServingKey     = "kubelet-serving-key"
	KubeletOwnClient      = "kubelet-client-pair" // certificate and key in one file
	KubeletOwnServer      = "kubelet-server-pair"
	AdminConf             = "admin-kubeconfig"
	SuperAdminConf        = "super-admin-kubeconfig"
	ControllerManagerConf = "controller-manager-kubeconfig"
	SchedulerConf         = "scheduler-kubeconfig"
	KubeletConf           = "kubelet-kubeconfig"

	Encryption = "encryption-config" // the keys of what is encrypted at rest
	StaticPod  = "static-pod"        // a manifest that the kubelet runs
	Kubelet    = "kubelet-config"    // its configuration and flags
	Referenced = "referenced"        // a flag or another file names it
	Other      = "other"
)

// Shared are the files that all control-plane nodes have in common, and from which
// all others of its certificates can be made again (kubernetes/kubernetes, cmd/kubeadm/app/phases/copycerts).
var Shared = []string{
	ClusterCACert, ClusterCAKey, EtcdCACert, EtcdCAKey, FrontProxyCACert, FrontProxyCAKey, ServiceAccount, ServiceAccountPK,
}

// SharedExternalEtcd are those where etcd is not kubeadm's.
var SharedExternalEtcd = []string{
	ClusterCACert, ClusterCAKey, EtcdCACert, EtcdClientCert, EtcdClientKey, FrontProxyCACert, FrontProxyCAKey, ServiceAccount,
	ServiceAccountPK,
}
