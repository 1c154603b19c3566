package check

import (
	"bytes"
	"slices"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/internal/material"
	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

// secretRoles are those of files that only their owner should read. Kubeadm and the kubelet write them with mode 0600.
var secretRoles = []string{
	role.ClusterCAKey, role.EtcdCAKey, role.FrontProxyCAKey, role.ServiceAccount,
	role.APIServerKey, role.KubeletClientKey, role.EtcdClientKey, role.FrontProxyClientKey,
	role.EtcdServerKey, role.EtcdPeerKey, role.EtcdHealthcheckKey,
	role.KubeletServingKey, role.KubeletOwnClient, role.KubeletOwnServer,
	role.AdminConf, role.SuperAdminConf, role.ControllerManagerConf, role.SchedulerConf, role.KubeletConf,
	role.Encryption,
}

// keyReaders is the group for which kubeadm's rootless mode opens sa.key (cmd/kubeadm/app/util/staticpod/utils_linux.go in
// kubernetes/kubernetes): kube-apiserver and kube-controller-manager run as different users then.
const keyReaders = "kubeadm-sa-key-readers"

// modes looks who can read or change secrets.
func (in *inspection) modes() {
	for _, f := range in.bundle.Files {
		if f.Link != "" || f.Mode&0o077 == 0 || !isSecret(f) {
			continue
		}
		if f.Role == role.ServiceAccount && f.Owner.Group == keyReaders && f.Mode&0o037 == 0 {
			continue
		}
		in.report(Warning, LooseMode, f, "mode %#o lets others than its owner at a secret: chmod 600, and think about who "+
			"could have read it", f.Mode)
	}
}

// isSecret also looks into files that are not known by a role.
func isSecret(f pkibundle.File) bool {
	if slices.Contains(secretRoles, f.Role) || bytes.Contains(f.Data, []byte("PRIVATE KEY-----")) {
		return true
	}
	if f.Role != role.Referenced && f.Role != role.Other {
		return false
	}
	k, err := material.ParseKubeconfig(f.Data)
	if err != nil {
		return false
	}
	k.Clear()
	return len(k.Key) > 0 || k.Token
}
