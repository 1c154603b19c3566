package reissue

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

// Leaves makes the certificates and kubeconfigs of a node. Of shared it takes the certificates and keys of the CAs and
// the keys of service accounts, by their roles; shared may hold more, such as all files of the old node, and that is
// left alone.
//
// The result holds copies of these files and, beside the CA that signs them, with certificate and key each: apiserver,
// apiserver-kubelet-client and front-proxy-client; for an etcd of its own also apiserver-etcd-client, etcd/server,
// etcd/peer and etcd/healthcheck-client. In etc/kubernetes it has admin.conf, super-admin.conf (since v1.29),
// controller-manager.conf, scheduler.conf and kubelet.conf. Keys and kubeconfigs have mode 0600, certificates 0644; all
// belong to root. For an external etcd it keeps the client certificate and key that kube-apiserver has, and the CA.
//
// Kubeadm puts super-admin.conf on the first node only. It is made here because the node that is restored first needs
// it while the cluster has no ClusterRoleBinding yet. Nothing in the cluster can take its rights away: drop the file
// where it is not needed.
//
// Now is when the certificates begin, but for five minutes. Leaves fails, and makes nothing, if the node is not well
// described, if a key of service accounts is missing, if a CA is missing, expired or not the one of its key, or if it
// forbids such a certificate; if the key of a CA is not among the files, with [ErrNoCAKey].
func Leaves(shared *pkibundle.Bundle, node Node, now time.Time) (*pkibundle.Bundle, error) {
	made, err := leaves(shared, node, now)
	if err != nil {
		made.Clear()
		return nil, fmt.Errorf("reissue certificates of node %q: %w", node.Name, err)
	}
	return made, nil
}

// leaves gives what it has made so far, too, when it fails.
func leaves(shared *pkibundle.Bundle, node Node, now time.Time) (*pkibundle.Bundle, error) {
	made := &pkibundle.Bundle{}
	node, err := node.filled()
	if err != nil {
		return made, err
	}
	sets := setsFor(node)
	authorities := make([]*authority, len(sets))
	for i, s := range sets {
		a, problem := authorityOf(shared, s, now, node.Validity)
		authorities[i], err = a, errors.Join(err, problem)
	}
	for _, r := range []string{role.ServiceAccount, role.ServiceAccountPK} {
		if len(shared.With(r)) == 0 {
			err = errors.Join(err, fmt.Errorf("the bundle has no file of role %s, with which tokens are signed or verified: "+
				"collect it from another control-plane node", r))
		}
	}
	if err != nil {
		return made, err
	}
	for _, f := range shared.Files {
		if node.keeps(f) {
			f.Data = bytes.Clone(f.Data)
			made.Files = append(made.Files, f)
		}
	}
	for i, s := range sets {
		for _, l := range s.leaves {
			files, err := authorities[i].files(l, node.ClusterName)
			if err != nil {
				return made, fmt.Errorf("%s: %w", l.name, err)
			}
			made.Files = append(made.Files, files...)
		}
	}
	slices.SortFunc(made.Files, func(a, b pkibundle.File) int { return strings.Compare(a.Path, b.Path) })
	made.Directories = directories(made.Files, shared.Directories)
	return made, nil
}

// keeps says whether a file is handed on, as [pkibundle.Bundle.Shared] does.
func (n Node) keeps(f pkibundle.File) bool {
	roles := role.Shared
	if n.ExternalEtcd {
		roles = role.SharedExternalEtcd
	}
	return f.Link == "" && slices.Contains(roles, f.Role)
}

// set is what one CA signs.
type set struct {
	certRole, keyRole string // of the CA
	leaves            []leaf
}

// leaf is one certificate with its key, in two files or in a kubeconfig.
type leaf struct {
	name                     string // of the files, without .crt and .key, or of the kubeconfig
	certRole, keyRole        string // keyRole is empty for a kubeconfig
	commonName, organisation string
	usages                   []x509.ExtKeyUsage
	names                    []string // and addresses
	server                   string   // the URL in a kubeconfig
}

// setsFor lists what kubeadm init makes. The CA of etcd comes last.
func setsFor(n Node) []set {
	client, server := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	both := slices.Concat(server, client) // etcd is a client of itself: etcd-io/etcd#9785
	sets := []set{
		{role.ClusterCACert, role.ClusterCAKey, append([]leaf{
			{"apiserver", role.APIServerCert, role.APIServerKey, "kube-apiserver", "", server, n.apiServerNames(), ""},
			{"apiserver-kubelet-client", role.KubeletClientCert, role.KubeletClientKey,
				"kube-apiserver-kubelet-client", n.kubeletClientGroup(), client, nil, ""},
		}, n.kubeconfigs(client)...)},
		{role.FrontProxyCACert, role.FrontProxyCAKey, []leaf{
			{"front-proxy-client", role.FrontProxyClientCert, role.FrontProxyClientKey,
				"front-proxy-client", "", client, nil, ""},
		}},
	}
	if n.ExternalEtcd {
		return sets
	}
	servers, peers := append(n.etcdNames(), n.EtcdServerNames...), append(n.etcdNames(), n.EtcdPeerNames...)
	return append(sets, set{role.EtcdCACert, role.EtcdCAKey, []leaf{
		{"server", role.EtcdServerCert, role.EtcdServerKey, n.Name, "", both, servers, ""},
		{"peer", role.EtcdPeerCert, role.EtcdPeerKey, n.Name, "", both, peers, ""},
		{"healthcheck-client", role.EtcdHealthcheckCert, role.EtcdHealthcheckKey,
			"kube-etcd-healthcheck-client", "", client, nil, ""},
		{"../apiserver-etcd-client", role.EtcdClientCert, role.EtcdClientKey,
			"kube-apiserver-etcd-client", "", client, nil, ""},
	}})
}

const (
	masters = "system:masters" // whom kube-apiserver allows everything, whatever is in the cluster
	admins  = "kubeadm:cluster-admins"
)

// kubeletClientGroup is what gives kube-apiserver its rights on kubelets, see [Node.Version].
// kubernetes/kubernetes#121837 and #138957 changed it.
func (n Node) kubeletClientGroup() string {
	switch v, _ := minor(n.Version); {
	case v < 29:
		return masters
	case v < 37:
		return admins
	default:
		return ""
	}
}

func (n Node) kubeconfigs(client []x509.ExtKeyUsage) []leaf {
	list := []leaf{
		{"admin.conf", role.AdminConf, "", "kubernetes-admin", admins, client, nil, n.sharedURL()},
		{"kubelet.conf", role.KubeletConf, "", nodeUser + n.Name, "system:nodes", client, nil, n.sharedURL()},
		{"controller-manager.conf", role.ControllerManagerConf, "",
			"system:kube-controller-manager", "", client, nil, n.localURL()},
		{"scheduler.conf", role.SchedulerConf, "", "system:kube-scheduler", "", client, nil, n.localURL()},
	}
	if v, _ := minor(n.Version); v < 29 {
		list[0].organisation = masters
		return list
	}
	return append(list, leaf{"super-admin.conf", role.SuperAdminConf, "",
		"kubernetes-super-admin", masters, client, nil, n.sharedURL()})
}

// nodeUser stands before the name of a node where that is the name of a user.
const nodeUser = "system:node:"

// kubeconfigDir is fixed, unlike the directory of the certificates (KubernetesDir in kubeadm's constants.go).
const kubeconfigDir = "etc/kubernetes"

// files makes a leaf.
func (a *authority) files(l leaf, cluster string) ([]pkibundle.File, error) {
	cert, key, err := a.issue(l)
	if err != nil {
		return nil, err
	}
	root := pkibundle.Owner{User: "root", Group: "root"}
	if l.server == "" {
		at := path.Join(a.dir, l.name)
		return []pkibundle.File{
			{Path: at + ".crt", Role: l.certRole, Mode: 0o644, Owner: root, Data: cert},
			{Path: at + ".key", Role: l.keyRole, Mode: 0o600, Owner: root, Data: key},
		}, nil
	}
	defer clear(key)
	config, err := kubeconfig(l.server, cluster, l.commonName, a.pem, cert, key)
	if err != nil {
		return nil, err
	}
	at := path.Join(kubeconfigDir, l.name)
	return []pkibundle.File{{Path: at, Role: l.certRole, Mode: 0o600, Owner: root, Data: config}}, nil
}

// directories gives those that hold files: as they are known, else as kubeadm makes them.
func directories(files []pkibundle.File, known []pkibundle.Directory) []pkibundle.Directory {
	root := pkibundle.Owner{User: "root", Group: "root"}
	all := map[string]pkibundle.Directory{}
	for _, f := range files {
		for dir := path.Dir(f.Path); dir != "."; dir = path.Dir(dir) {
			all[dir] = pkibundle.Directory{Path: dir, Mode: 0o755, Owner: root}
		}
	}
	for _, d := range known {
		if _, wanted := all[d.Path]; wanted {
			all[d.Path] = d
		}
	}
	return slices.SortedFunc(maps.Values(all), func(a, b pkibundle.Directory) int { return strings.Compare(a.Path, b.Path) })
}
