package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/clustersnap/clustersnap/kubeadm"
)

// ownAddress is an error where the machine has not the address: etcd and kube-apiserver could not listen there.
func ownAddress(a netip.Addr) error {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return err
	}
	for _, have := range list {
		if p, err := netip.ParsePrefix(have.String()); err == nil && p.Addr().Unmap() == a.Unmap() {
			return nil
		}
	}
	return fmt.Errorf("no interface of this machine has the address %s: etcd could not listen there", a)
}

// emptyHost is an error where something of a cluster is on the machine.
func emptyHost(root string, node *kubeadm.Node) error {
	for _, name := range append([]string{
		filepath.Join(node.Etcd.DataDir.Value, "member"), "etc/kubernetes/kubelet.conf", "etc/kubernetes/admin.conf",
	}, node.Manifests...) {
		if _, err := os.Lstat(filepath.Join(root, name)); err == nil {
			return fmt.Errorf("the machine has %s: it is no empty one: \"clustersnap restore\" is for the node itself",
				filepath.Join("/", name))
		} else if !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
