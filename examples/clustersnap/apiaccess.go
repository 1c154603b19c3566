package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/kubeadm"
)

// adminConf is the kubeconfig that kubeadm leaves on a control-plane node.
const adminConf = "etc/kubernetes/admin.conf"

// apiAccess is how a backup reaches the API server.
type apiAccess struct {
	*rest.Config
	By string // where the credentials come from, to be told
}

// findAPI takes the kubeconfig that is named, or else the service account of the pod that it runs in, or else the node's own.
func findAPI(kubeconfig, root string) (*apiAccess, error) {
	if kubeconfig != "" {
		return accessBy(kubeconfig, kubeconfig)
	}
	config, err := rest.InClusterConfig()
	if err == nil {
		advised(config, "KUBERNETES_SERVICE_HOST", "the pod's service account")
		return &apiAccess{config, "the pod's service account"}, nil
	}
	// A pod without a token has an address of the API server all the same: the node's file is next, as outside of pods.
	if !errors.Is(err, rest.ErrNotInCluster) && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the pod's service account: %w: mount its token, or give --kubeconfig FILE", err)
	}
	if _, err := fs.Stat(kubeadm.NodeFS(root), adminConf); err != nil {
		return nil, fmt.Errorf("no credentials for the API server: this is no pod with a service account, and the node has no "+
			"/%s (%w): give --kubeconfig FILE, or --etcd-only to leave the objects out", adminConf, errors.Unwrap(err))
	}
	return accessBy(filepath.Join(root, filepath.FromSlash(adminConf)), "/"+adminConf)
}

func accessBy(file, name string) (*apiAccess, error) {
	config, err := readKubeconfig(file)
	if err != nil {
		return nil, err
	}
	return &apiAccess{config, name}, nil
}
