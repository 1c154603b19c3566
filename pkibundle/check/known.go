package check

import (
	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

// known is what there is to say of files by their purpose: the flag that names one, kubeadm's name for it in its directory
// of certificates or, with a slash in front, on the node (cmd/kubeadm/app/constants/constants.go in
// kubernetes/kubernetes), and what breaks without it.
var known = map[string]struct{ program, flag, name, matters string }{
	role.ClusterCACert: {apiServer, "client-ca-file", "ca.crt",
		"without it every node, user and pod has to be given a new CA"},
	role.ClusterCAKey: {controllerManager, "cluster-signing-key-file", "ca.key",
		"without it no node can join, and no certificate of the cluster can be issued or renewed"},
	role.EtcdCACert: {apiServer, "etcd-cafile", "etcd/ca.crt",
		"without it etcd and kube-apiserver do not start, and all of etcd's certificates have to be issued anew"},
	role.EtcdCAKey: {"", "", "etcd/ca.key",
		"without it no etcd member can join, and no certificate of etcd can be issued or renewed"},
	role.FrontProxyCACert: {apiServer, "requestheader-client-ca-file", "front-proxy-ca.crt",
		"without it kube-apiserver does not start, and extension API servers need a new CA to trust"},
	role.FrontProxyCAKey: {"", "", "front-proxy-ca.key",
		"without it the certificate that kube-apiserver shows to extension API servers cannot be renewed"},
	role.ServiceAccount: {apiServer, "service-account-signing-key-file", "sa.key",
		"without it the tokens of all service accounts have to be issued anew, and until then no pod can talk to the API"},
	role.ServiceAccountPK: {apiServer, "service-account-key-file", "sa.pub",
		"without it kube-apiserver does not start, and no token of a service account can be verified"},

	role.APIServerCert: {apiServer, "tls-cert-file", "apiserver.crt",
		"without it kube-apiserver does not start until the cluster CA has issued it anew"},
	role.APIServerKey: {apiServer, "tls-private-key-file", "apiserver.key",
		"without it kube-apiserver does not start until its pair has been issued anew"},
	role.KubeletClientCert: {apiServer, "kubelet-client-certificate", "apiserver-kubelet-client.crt",
		"without it there are no logs of, and no shells in, the pods until the cluster CA has issued it anew"},
	role.KubeletClientKey: {apiServer, "kubelet-client-key", "apiserver-kubelet-client.key",
		"without it there are no logs of, and no shells in, the pods until its pair has been issued anew"},
	role.EtcdClientCert: {apiServer, "etcd-certfile", "apiserver-etcd-client.crt",
		"without it kube-apiserver does not reach etcd until etcd's CA has issued it anew"},
	role.EtcdClientKey: {apiServer, "etcd-keyfile", "apiserver-etcd-client.key",
		"without it kube-apiserver does not reach etcd until its pair has been issued anew"},
	role.FrontProxyClientCert: {apiServer, "proxy-client-cert-file", "front-proxy-client.crt",
		"without it extension API servers, such as that of metrics, refuse until it has been issued anew"},
	role.FrontProxyClientKey: {apiServer, "proxy-client-key-file", "front-proxy-client.key",
		"without it extension API servers, such as that of metrics, refuse until its pair has been issued anew"},
	role.EtcdServerCert: {etcd, "cert-file", "etcd/server.crt",
		"without it etcd does not start until its CA has issued it anew"},
	role.EtcdServerKey: {etcd, "key-file", "etcd/server.key",
		"without it etcd does not start until its pair has been issued anew"},
	role.EtcdPeerCert: {etcd, "peer-cert-file", "etcd/peer.crt",
		"without it etcd does not start until its CA has issued it anew"},
	role.EtcdPeerKey: {etcd, "peer-key-file", "etcd/peer.key",
		"without it etcd does not start until its pair has been issued anew"},
	role.EtcdHealthcheckCert: {"", "", "etcd/healthcheck-client.crt",
		"without it kubeadm and backups do not reach etcd until its CA has issued it anew"},
	role.EtcdHealthcheckKey: {"", "", "etcd/healthcheck-client.key",
		"without it kubeadm and backups do not reach etcd until its pair has been issued anew"},

	role.AdminConf: {"", "", "/etc/kubernetes/admin.conf",
		"without it the node's administrator has no way into the API until the cluster CA has issued another"},
	role.ControllerManagerConf: {controllerManager, "kubeconfig", "/etc/kubernetes/controller-manager.conf",
		"without it kube-controller-manager does not start until the cluster CA has issued another"},
	role.SchedulerConf: {scheduler, "kubeconfig", "/etc/kubernetes/scheduler.conf",
		"without it kube-scheduler does not start until the cluster CA has issued another"},
	role.KubeletConf: {"", "", "/etc/kubernetes/kubelet.conf",
		"without it the kubelet runs static pods alone, and the node has to join anew"},
	role.KubeletOwnClient: {"", "", "/var/lib/kubelet/pki/kubelet-client-current.pem",
		"without it the kubelet cannot talk to the API, and the node has to join anew"},
	role.Kubelet: {"", "", "/var/lib/kubelet/config.yaml",
		"without it the kubelet does not start, and with it no static pod, until kubeadm has written another"},
	role.Encryption: {apiServer, "encryption-provider-config", "encryption-config.yaml",
		"without it what is encrypted at rest, such as the Secrets, is lost for good"},
}

// manifestsMatter are what breaks without the static pods.
var manifestsMatter = map[string]string{
	apiServer: "without it the flags of kube-apiserver are lost, and one made anew may work and yet do other things: " +
		"audit, admission, encryption at rest",
	controllerManager: "without it no controller runs, and its flags are lost",
	scheduler:         "without it no pod is given a node, and its flags are lost",
	etcd:              "without it etcd does not start, and name, addresses and data directory of the member are lost",
}
