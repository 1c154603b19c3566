package kubeadm

// kubespray runs etcd by systemd, with its settings in one file (roles/etcd in kubernetes-sigs/kubespray). With etcd_deployment_type
// "kubeadm" it is like kubeadm's own, and has no such file.
var kubespray = &distribution{
	name:        "kubespray",
	marks:       []string{"etc/etcd.env"},
	manifestDir: manifestDir,
	inManifests: true,
	envFile:     "etc/etcd.env",
	credentials: []pairFiles{{"etc/ssl/etcd/ssl/ca.pem", "etc/ssl/etcd/ssl/admin-HOST.pem", "etc/ssl/etcd/ssl/admin-HOST-key.pem"}},
	files:       []string{"etc/etcd.env", "etc/hostname", "etc/ssl/etcd"},
}
