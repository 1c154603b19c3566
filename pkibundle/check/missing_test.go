package check_test

import (
	"path"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/check"
	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

// dispensable are the files that a node works without.
var dispensable = []string{
	"etc/kubernetes/super-admin.conf", // only the first node has it
	kubelet + "instance-config.yaml", kubelet + "kubeadm-flags.env", kubelet + "pki/kubelet-client-2025-01-01-11-00-00.pem",
	kubelet + "pki/kubelet.crt", kubelet + "pki/kubelet.key", // it makes another pair
	pki + "front-proxy-ca.key", // it may be kept elsewhere
}

// TestEachMissing takes away one file after the other: each is missed, alone, and nothing is found in the others.
func TestEachMissing(t *testing.T) {
	n := newTestNode(t, newEd25519)
	n.encrypt("secretbox: {keys: [{name: key1, secret: SECRET}]}")
	kept := map[string]bool{}
	for _, path := range dispensable {
		kept[path] = true
	}
	for at, f := range n.files {
		n.drop(at)
		r := n.check(check.Options{})
		n.files[at] = f
		switch {
		case kept[at]:
			if r.Verdict != check.Full {
				t.Errorf("without %s: %s, missing %v", at, r.Verdict, r.Missing)
			}
		case r.Verdict != check.Incomplete || len(r.Missing) != 1 || r.Missing[0].Matters == "":
			t.Errorf("without %s: %s, missing %v", at, r.Verdict, r.Missing)
		case at == dated: // what is named is the link
			if m := r.Missing[0]; m.Path != current || m.Role != f.Role {
				t.Errorf("without %s: missing %v", at, m)
			}
		default:
			if m := r.Missing[0]; m.Path != at || m.Role != f.Role {
				t.Errorf("without %s: missing %v", at, m)
			}
		}
		elsewhere := at == pki+"front-proxy-ca.key" && len(r.Findings) == 1 && r.Findings[0].Problem == check.CAKeyElsewhere
		if len(r.Findings) > 0 && !elsewhere {
			t.Errorf("without %s: findings %v", at, r.Findings)
		}
	}
}

// lacks are bundles that are no file short of a kind of node, but of another.
var lacks = []struct {
	name   string
	change func(*testNode)
	want   []check.Missing // without why
}{
	{"nothing", func(n *testNode) { n.files = map[string]pkibundle.File{} }, []check.Missing{
		{Role: role.ClusterCACert, Path: pki + "ca.crt"}, {Role: role.ClusterCAKey, Path: pki + "ca.key"},
		{Role: role.EtcdCACert, Path: pki + "etcd/ca.crt"}, {Role: role.EtcdCAKey, Path: pki + "etcd/ca.key"},
		{Role: role.FrontProxyCACert, Path: pki + "front-proxy-ca.crt"}, {Role: role.FrontProxyCAKey, Path: pki + "front-proxy-ca.key"},
		{Role: role.ServiceAccount, Path: pki + "sa.key"}, {Role: role.ServiceAccountPK, Path: pki + "sa.pub"},
	}},
	{"shared files but one", func(n *testNode) {
		onlyShared(n, role.Shared...)
		n.drop(pki + "sa.key")
	}, []check.Missing{{Role: role.ServiceAccount, Path: pki + "sa.key"}}},
	{"shared files but etcd's CA key", func(n *testNode) { // only the client's pair would say that etcd is external
		onlyShared(n, role.Shared...)
		n.drop(pki + "etcd/ca.key")
	}, []check.Missing{{Role: role.EtcdCAKey, Path: pki + "etcd/ca.key"}}},
	{"CA key that kube-controller-manager signs with", func(n *testNode) { n.drop(pki+"ca.key", pki+"etcd/ca.key") }, []check.Missing{
		{Role: role.ClusterCAKey, Path: pki + "ca.key"}, {Role: role.EtcdCAKey, Path: pki + "etcd/ca.key"},
	}},
	{"external etcd's client pair", func(n *testNode) {
		externalEtcd(n)
		n.drop("etc/etcd/client.crt", "etc/etcd/client.key")
	}, []check.Missing{
		{Role: role.EtcdClientCert, Path: "etc/etcd/client.crt"}, {Role: role.EtcdClientKey, Path: "etc/etcd/client.key"},
	}},
	{"etcd that kube-apiserver reaches by loopback", func(n *testNode) {
		for at := range n.files {
			if strings.HasPrefix(at, pki+"etcd/") || path.Base(at) == "etcd.yaml" {
				n.drop(at)
			}
		}
	}, []check.Missing{
		{Role: role.StaticPod, Path: manifests + "etcd.yaml"},
		{Role: role.EtcdCACert, Path: pki + "etcd/ca.crt"}, {Role: role.EtcdCAKey, Path: pki + "etcd/ca.key"},
		{Role: role.EtcdHealthcheckCert, Path: pki + "etcd/healthcheck-client.crt"},
		{Role: role.EtcdHealthcheckKey, Path: pki + "etcd/healthcheck-client.key"},
		{Role: role.EtcdPeerCert, Path: pki + "etcd/peer.crt"}, {Role: role.EtcdPeerKey, Path: pki + "etcd/peer.key"},
		{Role: role.EtcdServerCert, Path: pki + "etcd/server.crt"}, {Role: role.EtcdServerKey, Path: pki + "etcd/server.key"},
	}},
	{"all but the shared files and a manifest", func(n *testNode) {
		onlyShared(n, append([]string{role.StaticPod}, role.Shared...)...)
		n.drop(manifests+"etcd.yaml", manifests+"kube-scheduler.yaml")
		n.edit(manifests+"kube-apiserver.yaml", "127.0.0.1", "10.0.0.21") // an external etcd, to keep this short
	}, []check.Missing{
		{Role: role.AdminConf, Path: admin}, {Role: role.ControllerManagerConf, Path: controllerManager},
		{Role: role.KubeletConf, Path: "etc/kubernetes/kubelet.conf"},
		{Role: role.StaticPod, Path: manifests + "kube-scheduler.yaml"},
		{Role: role.EtcdClientCert, Path: pki + "apiserver-etcd-client.crt"},
		{Role: role.EtcdClientKey, Path: pki + "apiserver-etcd-client.key"},
		{Role: role.KubeletClientCert, Path: pki + "apiserver-kubelet-client.crt"},
		{Role: role.KubeletClientKey, Path: pki + "apiserver-kubelet-client.key"},
		{Role: role.APIServerCert, Path: pki + "apiserver.crt"}, {Role: role.APIServerKey, Path: pki + "apiserver.key"},
		{Role: role.FrontProxyClientCert, Path: pki + "front-proxy-client.crt"},
		{Role: role.FrontProxyClientKey, Path: pki + "front-proxy-client.key"},
		{Role: role.SchedulerConf, Path: "etc/kubernetes/scheduler.conf"},
		{Role: role.Kubelet, Path: kubelet + "config.yaml"},
	}},
	{"all manifests but etcd's", func(n *testNode) {
		n.drop(manifests+"kube-apiserver.yaml", manifests+"kube-controller-manager.yaml", manifests+"kube-scheduler.yaml")
	}, []check.Missing{
		{Role: role.StaticPod, Path: manifests + "kube-apiserver.yaml"},
		{Role: role.StaticPod, Path: manifests + "kube-controller-manager.yaml"},
		{Role: role.StaticPod, Path: manifests + "kube-scheduler.yaml"},
	}},
	{"etcd that kube-apiserver reaches by the node's address", func(n *testNode) {
		n.edit(manifests+"kube-apiserver.yaml", "https://127.0.0.1:2379", "https://10.0.0.11:2379")
		n.drop(manifests + "etcd.yaml")
	}, []check.Missing{{Role: role.StaticPod, Path: manifests + "etcd.yaml"}}},
	{"CA keys, and the manifest that would say that they are elsewhere", func(n *testNode) {
		n.drop(pki+"ca.key", pki+"etcd/ca.key", manifests+"kube-controller-manager.yaml")
	}, []check.Missing{
		{Role: role.StaticPod, Path: manifests + "kube-controller-manager.yaml"},
		{Role: role.ClusterCAKey, Path: pki + "ca.key"}, {Role: role.EtcdCAKey, Path: pki + "etcd/ca.key"},
	}},
	{"manifests", func(n *testNode) {
		for name := range commands {
			n.drop(manifests + name + ".yaml")
		}
	}, []check.Missing{
		{Role: role.StaticPod, Path: manifests + "etcd.yaml"}, {Role: role.StaticPod, Path: manifests + "kube-apiserver.yaml"},
		{Role: role.StaticPod, Path: manifests + "kube-controller-manager.yaml"},
		{Role: role.StaticPod, Path: manifests + "kube-scheduler.yaml"},
	}},
	{"file in another directory", func(n *testNode) { // the flag says where
		n.edit(manifests+"kube-apiserver.yaml", "/etc/kubernetes/pki/sa.key", "/srv/sa.key")
		n.drop(pki + "sa.key")
	}, []check.Missing{{Role: role.ServiceAccount, Path: "srv/sa.key"}}},
	{"file in another directory, by a volume", func(n *testNode) {
		n.edit(manifests+"kube-apiserver.yaml", "/etc/kubernetes/pki/sa.key", "/keys/sa.key")
		n.mount(manifests+"kube-apiserver.yaml", "/srv/keys", "/keys")
		n.drop(pki + "sa.key")
	}, []check.Missing{{Role: role.ServiceAccount, Path: "srv/keys/sa.key"}}},
	{"CA that a kubeconfig names by a volume", func(n *testNode) {
		n.mount(manifests+"kube-controller-manager.yaml", "/srv", "/conf")
		data := between(n.t, n.files[controllerManager].Data, "certificate-authority-data: ")
		n.edit(controllerManager, "certificate-authority-data: "+data, "certificate-authority: /conf/ca.crt")
	}, []check.Missing{{Role: role.Referenced, Path: "srv/ca.crt"}}},
	{"CA that a kubeconfig names", func(n *testNode) {
		data := "certificate-authority-data: " + between(n.t, n.files[admin].Data, "certificate-authority-data: ")
		n.edit(admin, data, "certificate-authority: pki/other.crt")
	}, []check.Missing{{Role: role.Referenced, Path: pki + "other.crt"}}},
	{"link that leads round", func(n *testNode) {
		n.change(current, func(f *pkibundle.File) { f.Link = "kubelet-client-current.pem" })
	}, []check.Missing{{Role: role.KubeletOwnClient, Path: current}}},
	{"what something names", func(n *testNode) {
		n.drop(pki + "sa.pub")
		n.omitted = []pkibundle.Omission{
			{Path: "/etc/kubernetes/audit.yaml", From: "kube-apiserver --audit-policy-file", Why: "the node has no such file"},
			{Path: "/" + pki + "sa.pub", From: "kube-apiserver --service-account-key-file", Why: "the node has no such file"},
		}
	}, []check.Missing{
		{Role: role.Referenced, Path: "etc/kubernetes/audit.yaml"},
		{Role: role.ServiceAccountPK, Path: pki + "sa.pub"},
	}},
}

func TestMissing(t *testing.T) {
	for _, test := range lacks {
		t.Run(test.name, func(t *testing.T) {
			n := newTestNode(t, newEd25519)
			test.change(n)
			r := n.check(check.Options{})
			same := len(r.Missing) == len(test.want)
			for i := 0; same && i < len(test.want); i++ {
				m := r.Missing[i]
				same = m.Matters != "" && m.Role == test.want[i].Role && m.Path == test.want[i].Path
			}
			if r.Verdict != check.Incomplete || !same {
				t.Errorf("%s, missing:\n%v\nwant:\n%v", r.Verdict, r.Missing, test.want)
			}
			if len(r.Findings) > 0 {
				t.Errorf("findings %v", r.Findings)
			}
		})
	}
}
