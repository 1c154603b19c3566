package kubeadm

// Those that this package knows, and can't help.

var kops = &distribution{
	name:        "kops",
	marks:       []string{manifestDir + "/etcd-manager-main.manifest", manifestDir + "/etcd-main.manifest"},
	inManifests: true,
	instead:     "etcd-manager takes backups of both of its etcds and restores them (https://kops.sigs.k8s.io/operations/etcd_backup_restore_encryption)",
}

var openShift = &distribution{
	name:        "OpenShift",
	marks:       []string{"etc/kubernetes/static-pod-resources", manifestDir + "/etcd-pod.yaml"},
	inManifests: true,
	instead:     "use cluster-backup.sh and cluster-restore.sh on the node",
}

var talos = &distribution{
	name:    "Talos",
	marks:   []string{"system/secrets/etcd"},
	instead: "use talosctl etcd snapshot and talosctl bootstrap --recover-from",
}

var microK8s = &distribution{
	name:    "MicroK8s",
	marks:   []string{"var/snap/microk8s"},
	instead: "its datastore is dqlite, and no etcd: use microk8s dbctl backup",
}
