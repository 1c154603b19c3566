package check

import (
	"cmp"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/internal/material"
	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

// kind is what a bundle was taken from.
type kind int

const (
	sharedFiles  kind = iota // no node: what all nodes have in common
	etcdNode                 // a member of an etcd that is external to the control plane
	controlPlane             // a node with kube-apiserver
)

var etcdLeaves = []string{
	role.EtcdServerCert, role.EtcdServerKey, role.EtcdPeerCert, role.EtcdPeerKey,
	role.EtcdHealthcheckCert, role.EtcdHealthcheckKey,
}

var apiServerLeaves = []string{
	role.APIServerCert, role.APIServerKey, role.KubeletClientCert, role.KubeletClientKey,
	role.FrontProxyClientCert, role.FrontProxyClientKey,
}

// kubeconfigs are those that every node of a control plane has. Super-admin.conf is not among them: kubeadm v1.29 and
// later write it on the first node alone.
var kubeconfigs = []string{role.AdminConf, role.ControllerManagerConf, role.SchedulerConf, role.KubeletConf}

// kind looks for files that only a node has. Etcd's client pair is not among them: where etcd is external, all nodes of
// the control plane have it in common.
func (n *node) kind() kind {
	has := func(r string) bool { return len(n.bundle.With(r)) > 0 }
	ofNode := slices.Concat(etcdLeaves, apiServerLeaves, kubeconfigs, []string{role.StaticPod, role.Kubelet})
	switch {
	case !slices.ContainsFunc(ofNode, has):
		return sharedFiles
	case n.programs[etcd] != nil && n.programs[apiServer] == nil && n.programs[controllerManager] == nil &&
		n.programs[scheduler] == nil && !slices.ContainsFunc(kubeconfigs, has):
		return etcdNode
	}
	return controlPlane
}

// externalEtcd says that kube-apiserver uses an etcd that is not on the node.
func (n *node) externalEtcd() bool {
	if n.kind() == sharedFiles {
		return !n.has(role.EtcdCAKey) && n.has(role.EtcdClientCert)
	}
	if n.programs[apiServer] == nil || n.programs[etcd] != nil || n.has(role.EtcdServerCert) {
		return false
	}
	return slices.ContainsFunc(n.urls(apiServer, "etcd-servers"), func(u *url.URL) bool { return !isLoopback(u.Hostname()) })
}

// externalCA says that the cluster CA's key is kept elsewhere on purpose: kubeadm leaves --cluster-signing-key-file empty
// then (cmd/kubeadm/app/phases/controlplane/manifests.go).
func (n *node) externalCA() bool {
	if n.has(role.ClusterCAKey) || !n.has(role.ClusterCACert) || n.programs[controllerManager] == nil {
		return false
	}
	return n.flag(controllerManager, "cluster-signing-key-file") == ""
}

// needs are the roles that the bundle must have a file for.
func (n *node) needs() []string {
	switch {
	case n.kind() == etcdNode: // its CA's key stays where the certificates were issued
		return append([]string{role.EtcdCACert}, etcdLeaves...)
	case n.kind() == sharedFiles && n.externalEtcd():
		return role.SharedExternalEtcd
	case n.kind() == sharedFiles:
		return role.Shared
	}
	needs := slices.Concat([]string{role.ClusterCACert, role.FrontProxyCACert}, apiServerLeaves, kubeconfigs)
	etcdClient := []string{role.EtcdCACert, role.EtcdClientCert, role.EtcdClientKey}
	if n.externalEtcd() { // none of them without TLS
		unset := func(r string) bool { return n.flag(apiServer, known[r].flag) == "" }
		needs = append(needs, slices.DeleteFunc(etcdClient, unset)...)
	} else {
		needs = slices.Concat(needs, etcdClient, etcdLeaves)
	}
	if !n.externalCA() { // the front-proxy CA's key alone may be kept elsewhere, too (UsingExternalFrontProxyCA in kubeadm)
		needs = append(needs, role.ClusterCAKey)
		if !n.externalEtcd() {
			needs = append(needs, role.EtcdCAKey)
		}
	}
	if n.flag(apiServer, "service-account-signing-endpoint") == "" { // KEP-740: no key on the node
		needs = append(needs, role.ServiceAccount, role.ServiceAccountPK)
	}
	if n.flag(apiServer, "encryption-provider-config") != "" {
		needs = append(needs, role.Encryption)
	}
	return needs
}

// missing lists what the node needs and the bundle lacks.
func (n *node) missing() []Missing {
	var found []Missing
	lack := func(r, at, matters string) {
		if at = strings.TrimPrefix(at, "/"); !material.IsPath(at) {
			at = "" // it could be a key
		}
		if at == "" || !slices.ContainsFunc(found, func(m Missing) bool { return m.Path == at }) {
			found = append(found, Missing{Role: r, Path: at, Matters: matters})
		}
	}
	for _, r := range n.needs() {
		if !n.has(r) {
			lack(r, n.place(r), known[r].matters)
		}
	}
	if n.kind() == controlPlane {
		for _, name := range n.needPrograms() {
			if n.programs[name] == nil {
				lack(role.StaticPod, path.Join(n.manifests(), name+".yaml"), manifestsMatter[name])
			}
		}
		isConfig := func(f pkibundle.File) bool { return path.Base(f.Path) == "config.yaml" }
		if !slices.ContainsFunc(n.with(role.Kubelet), isConfig) {
			lack(role.Kubelet, n.place(role.Kubelet), known[role.Kubelet].matters)
		}
	}
	for _, m := range n.lostByKubeconfigs() {
		lack(m.Role, m.Path, m.Matters)
	}
	for _, o := range n.bundle.Omitted {
		if !o.Harmless {
			lack(role.Referenced, o.Path, fmt.Sprintf("without it %s leads nowhere: %s", o.From, o.Why))
		}
	}
	slices.SortFunc(found, func(a, b Missing) int { return strings.Compare(a.Path, b.Path) })
	return found
}

// needPrograms are the static pods that a node of a control plane has.
func (n *node) needPrograms() []string {
	programs := []string{apiServer, controllerManager, scheduler}
	if !n.externalEtcd() {
		programs = append(programs, etcd)
	}
	return programs
}

// lostByKubeconfigs are the files that kubeconfigs name and that are not there: kubelet.conf takes the kubelet's own
// certificate and key from one.
func (n *node) lostByKubeconfigs() []Missing {
	var lost []Missing
	for _, r := range kubeconfigs {
		for _, f := range n.with(r) {
			k, err := material.ParseKubeconfig(f.Data)
			if err != nil {
				continue // a finding says so
			}
			k.Clear()
			for _, name := range []string{k.CAFile, k.CertFile, k.KeyFile} {
				if _, ok := n.named(f, name); ok || name == "" || !material.IsPath(name) {
					continue // a finding tells of the last
				}
				at := n.onNode(r, name)
				if !path.IsAbs(at) {
					at = path.Join("/", path.Dir(f.Path), at)
				}
				m := Missing{role.Referenced, path.Clean(at), fmt.Sprintf("without it %s does not work", f.Path)}
				if r == role.KubeletConf && name != k.CAFile {
					m.Role, m.Matters = role.KubeletOwnClient, known[role.KubeletOwnClient].matters
				}
				lost = append(lost, m)
			}
		}
	}
	return lost
}

// place is where the node would have a file.
func (n *node) place(r string) string {
	k := known[r]
	if at := n.flagged(r); at != "" {
		return at
	}
	if strings.HasPrefix(k.name, "/") {
		return k.name
	}
	dir := "etc/kubernetes/pki"
	if files := n.with(role.ClusterCACert); len(files) > 0 {
		dir = path.Dir(files[0].Path)
	}
	return path.Join(dir, k.name)
}

// manifests is the directory of the static pods.
func (n *node) manifests() string {
	if files := n.with(role.StaticPod); len(files) > 0 {
		return path.Dir(files[0].Path)
	}
	return "etc/kubernetes/manifests"
}

func (n *node) verdict(missing []Missing) Verdict {
	switch {
	case len(missing) > 0:
		return Incomplete
	case n.kind() == sharedFiles:
		return SharedOnly
	case n.kind() == controlPlane && n.externalCA():
		return ExternalCA
	}
	return Full
}

// bySeverity puts the worst first.
func bySeverity(a, b Finding) int {
	rank := []Severity{Fatal, Warning, Info}
	return cmp.Or(
		cmp.Compare(slices.Index(rank, a.Severity), slices.Index(rank, b.Severity)),
		strings.Compare(a.Path, b.Path), strings.Compare(string(a.Problem), string(b.Problem)), strings.Compare(a.Text, b.Text),
	)
}
