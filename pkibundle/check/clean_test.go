package check_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/check"
	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

// caKeys are those that an external CA keeps.
var caKeys = []string{pki + "ca.key", pki + "front-proxy-ca.key", pki + "etcd/ca.key"}

// sound are nodes that are as they should be.
var sound = []struct {
	name    string
	change  func(*testNode)
	verdict check.Verdict
}{
	{"first node", func(*testNode) {}, check.Full},
	{"joined node", func(n *testNode) { n.drop("etc/kubernetes/super-admin.conf") }, check.Full},
	{"kubeadm v1.29", func(n *testNode) { n.drop(kubelet + "instance-config.yaml") }, check.Full},
	{"kubelet before its first renewal", kubeletEmbedded, check.Full},
	{"kubelet that has not served yet", func(n *testNode) { n.drop(kubelet+"pki/kubelet.crt", kubelet+"pki/kubelet.key") }, check.Full},
	{"encryption at rest", func(n *testNode) { n.encrypt("secretbox: {keys: [{name: key1, secret: SECRET}]}") }, check.Full},
	{"external etcd", externalEtcd, check.Full},
	{"external etcd without TLS", func(n *testNode) {
		externalEtcd(n)
		apiServer := manifests + "kube-apiserver.yaml"
		n.edit(apiServer, "https://10.0.0.21:2379", "http://10.0.0.21:2379")
		for flag, file := range map[string]string{"cafile": "ca.crt", "certfile": "client.crt", "keyfile": "client.key"} {
			n.edit(apiServer, `"--etcd-`+flag+`=/etc/etcd/`+file+`",`, "")
		}
		n.drop("etc/etcd/ca.crt", "etc/etcd/client.crt", "etc/etcd/client.key")
	}, check.Full},
	{"member of an external etcd", func(n *testNode) {
		for path, f := range n.files {
			etcds := strings.HasPrefix(path, pki+"etcd/") || path == manifests+"etcd.yaml"
			if !etcds && f.Role != role.EtcdClientCert && f.Role != role.EtcdClientKey {
				n.drop(path)
			}
		}
		n.drop(pki + "etcd/ca.key")
	}, check.Full},
	{"tokens signed by another program", func(n *testNode) {
		n.drop(pki+"sa.key", pki+"sa.pub")
		n.edit(manifests+"kube-apiserver.yaml", "--service-account-key-file=/etc/kubernetes/pki/sa.pub",
			"--service-account-signing-endpoint=/run/signer.sock")
	}, check.Full},
	{"older service account key still trusted", func(n *testNode) {
		n.key("old")
		n.put(pki+"sa-old.pub", role.ServiceAccountPK, 0o644, n.public("old"))
	}, check.Full},
	{"rootless", func(n *testNode) {
		n.change(pki+"sa.key", func(f *pkibundle.File) {
			f.Mode, f.Owner = 0o640, pkibundle.Owner{GID: 950, Group: "kubeadm-sa-key-readers"}
		})
	}, check.Full},
	{"CA that is being exchanged", exchangedCA, check.Full},
	{"CA that is on its way out, beside the one in use", func(n *testNode) {
		exchangedCA(n)
		n.reissue("old-ca", func(c *x509.Certificate) { c.NotAfter = now.Add(-1) })
		n.change(pki+"ca.crt", func(f *pkibundle.File) { f.Data = append(n.sign("ca"), n.files[pki+"old-ca.crt"].Data...) })
		n.drop(pki + "old-ca.crt")
	}, check.Full},
	{"CA renewed with its old key", func(n *testNode) { renewedCA(n, -time.Second) }, check.Full},
	{"CA renewed with its old key, before it has ended", func(n *testNode) { renewedCA(n, 10*24*hour) }, check.Full},
	{"CA of the operator for users, beside the cluster's", func(n *testNode) {
		n.ca("users", role.ClusterCACert, role.Other)
		n.put(pki+"trusted.crt", role.ClusterCACert, 0o644, append(n.sign("users"), n.files[pki+"ca.crt"].Data...))
		n.drop(pki+"users.crt", pki+"users.key")
		n.edit(manifests+"kube-apiserver.yaml", "pki/ca.crt", "pki/trusted.crt")
	}, check.Full},
	{"intermediate CA", func(n *testNode) {
		n.ca("middle", role.Other, role.Other)
		n.issuer["middle"] = "ca"
		n.issuer["apiserver"] = "middle"
		n.change(pki+"apiserver.crt", func(f *pkibundle.File) { f.Data = append(n.sign("apiserver"), n.sign("middle")...) })
		n.drop(pki+"middle.crt", pki+"middle.key")
	}, check.Full},
	{"another serving pair than kubeadm's", func(n *testNode) {
		n.leaf("own", role.APIServerCert, role.APIServerKey, "ca", x509.ExtKeyUsageServerAuth)
		n.edit(manifests+"kube-apiserver.yaml", "pki/apiserver.crt", "pki/own.crt")
		n.edit(manifests+"kube-apiserver.yaml", "pki/apiserver.key", "pki/own.key")
		n.reissue("apiserver", func(c *x509.Certificate) { c.NotAfter = now.Add(-1) })
	}, check.Full},
	{"another serving pair than kubeadm's, by a volume", func(n *testNode) {
		n.leaf("own", role.APIServerCert, role.APIServerKey, "ca", x509.ExtKeyUsageServerAuth)
		n.reissue("apiserver", func(c *x509.Certificate) { c.NotAfter = now.Add(-1) })
		apiServer := manifests + "kube-apiserver.yaml"
		n.edit(apiServer, "/etc/kubernetes/pki/apiserver.", "/serving/own.")
		n.mount(apiServer, "/"+pki, "/serving")
	}, check.Full},
	{"another serving pair than kubeadm's, and no flag that is understood", func(n *testNode) {
		n.leaf("own", role.APIServerCert, role.APIServerKey, "ca", x509.ExtKeyUsageServerAuth)
		n.edit(manifests+"kube-apiserver.yaml", "/etc/kubernetes/pki/apiserver.", "/serving/own.")
	}, check.Full},
	{"kubeconfig by a volume, which names its CA there", func(n *testNode) {
		const conf, manifest = "srv/manager.conf", manifests + "kube-controller-manager.yaml"
		f := n.files[controllerManager]
		n.put(conf, f.Role, f.Mode, f.Data)
		n.drop(controllerManager)
		data := "certificate-authority-data: " + between(n.t, f.Data, "certificate-authority-data: ")
		n.edit(conf, data, "certificate-authority: /conf/pki/ca.crt")
		n.put("srv/pki/ca.crt", role.Referenced, 0o644, n.files[pki+"ca.crt"].Data)
		n.edit(manifest, "/"+controllerManager, "/conf/manager.conf")
		n.mount(manifest, "/srv", "/conf")
	}, check.Full},
	{"one file of service account keys for two flags", func(n *testNode) {
		n.drop(pki + "sa.pub")
		n.edit(manifests+"kube-apiserver.yaml", "pki/sa.pub", "pki/sa.key")
	}, check.Full},
	{"one file of service account keys for two flags, whose role is the other", func(n *testNode) {
		n.drop(pki + "sa.pub")
		n.change(pki+"sa.key", func(f *pkibundle.File) { f.Role = role.ServiceAccountPK })
		n.edit(manifests+"kube-apiserver.yaml", "pki/sa.pub", "pki/sa.key")
	}, check.Full},
	{"external etcd of the cluster CA", func(n *testNode) {
		externalEtcd(n)
		n.issuer["apiserver-etcd-client"] = "ca"
		n.change("etc/etcd/client.crt", func(f *pkibundle.File) { f.Data = n.sign("apiserver-etcd-client") })
		n.edit(manifests+"kube-apiserver.yaml", "/etc/etcd/ca.crt", "/etc/kubernetes/pki/ca.crt")
		n.drop("etc/etcd/ca.crt")
	}, check.Full},
	{"patch for kubeadm beside the manifests", func(n *testNode) {
		n.put("etc/kubernetes/a-patches/kube-apiserver0.yaml", role.StaticPod, 0o600,
			manifest("kube-apiserver", "--advertise-address=10.0.0.99"))
	}, check.Full},
	{"certificates that tell no usages, or all", func(n *testNode) {
		n.reissue("apiserver", func(c *x509.Certificate) { c.ExtKeyUsage = nil })
		n.reissue("etcd/peer", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} })
	}, check.Full},
	{"kubelet that serves with a certificate of the cluster", func(n *testNode) {
		clusterServing(n, year)
	}, check.Full},
	{"kube-apiserver that uses all etcd members", func(n *testNode) { // their certificates are not on this node
		n.edit(manifests+"kube-apiserver.yaml", "https://127.0.0.1:2379", "https://127.0.0.1:2379,https://10.0.0.12:2379")
	}, check.Full},
	{"etcd that also tells an address without TLS", func(n *testNode) {
		n.edit(manifests+"etcd.yaml", "https://10.0.0.11:2379", "https://10.0.0.11:2379,http://10.0.0.99:2379")
	}, check.Full},
	{"addresses that stand for all", func(n *testNode) {
		n.edit(manifests+"kube-apiserver.yaml", "--advertise-address=10.0.0.11", "--advertise-address=0.0.0.0")
		n.edit(manifests+"etcd.yaml", "advertise-client-urls=https://10.0.0.11", "advertise-client-urls=https://0.0.0.0")
	}, check.Full},
	{"relative link to the kubelet's pair", func(n *testNode) {
		n.change(current, func(f *pkibundle.File) { f.Link = "../pki/kubelet-client-2026-03-01-11-00-00.pem" })
	}, check.Full},
	{"link to the directory of the certificates", func(n *testNode) {
		for path, f := range n.files {
			if name, ok := strings.CutPrefix(path, pki); ok {
				n.drop(path)
				n.put("srv/pki/"+name, f.Role, f.Mode, f.Data)
			}
		}
		n.files["etc/kubernetes/pki"] = pkibundle.File{Path: "etc/kubernetes/pki", Role: role.Other, Mode: 0o777, Link: "../../srv/pki"}
	}, check.Full},
	{"kubeconfig with a token", func(n *testNode) {
		n.put("etc/kubernetes/scheduler.conf", role.SchedulerConf, 0o600, n.kubeconfigText("token: abcdef.0123456789abcdef\n"))
	}, check.Full},
	{"kubeconfig that names its CA", func(n *testNode) {
		data := "certificate-authority-data: " + between(n.t, n.files["etc/kubernetes/admin.conf"].Data, "certificate-authority-data: ")
		n.edit("etc/kubernetes/admin.conf", data, "certificate-authority: pki/ca.crt")
	}, check.Full},
	{"kubeconfig with another name of the server", func(n *testNode) {
		n.edit(admin, "https://api.example.org:6443", "https://lb.example.org:6443\n    tls-server-name: api.example.org")
	}, check.Full},
	{"kubelet's pair of a day", func(n *testNode) { n.kubeletPairs(-hour, 23*hour) }, check.Full},
	{"distribution's CAs left out", func(n *testNode) {
		n.omitted = []pkibundle.Omission{{Path: "/etc/ssl/certs", From: "a mount", Why: "the distribution brings it", Harmless: true}}
	}, check.Full},
	{"shared files", func(n *testNode) { onlyShared(n, role.Shared...) }, check.SharedOnly},
	{"shared files where etcd is external", func(n *testNode) {
		externalEtcd(n)
		onlyShared(n, append([]string{role.EtcdClientCert, role.EtcdClientKey}, role.Shared...)...)
	}, check.SharedOnly},
}

func TestSound(t *testing.T) {
	for _, test := range sound {
		t.Run(test.name, func(t *testing.T) {
			n := newTestNode(t, newEd25519)
			test.change(n)
			wantSound(t, n, test.verdict)
		})
	}
}

// TestKeyTypes has each type sign each other.
func TestKeyTypes(t *testing.T) {
	made := 0
	mixed := func(t testing.TB) crypto.Signer {
		made++
		switch made % 5 { // the first is a CA's
		case 1:
			return newRSA(t)
		case 2:
			return newEd25519(t)
		}
		return newECDSA(t)
	}
	wantSound(t, newTestNode(t, mixed), check.Full)
}

func wantSound(t *testing.T, n *testNode, verdict check.Verdict) {
	t.Helper()
	r := n.check(check.Options{})
	if r.Verdict != verdict || len(r.Missing)+len(r.Findings) > 0 {
		t.Errorf("%s, want %s; missing %v; findings %v", r.Verdict, verdict, r.Missing, r.Findings)
	}
}

// TestExternalCA has no key of a CA, and kube-controller-manager knows.
func TestExternalCA(t *testing.T) {
	n := newTestNode(t, newEd25519)
	n.drop(caKeys...)
	emptySigning(n)
	r := n.check(check.Options{})
	if r.Verdict != check.ExternalCA || len(r.Missing) > 0 {
		t.Errorf("%s, missing %v", r.Verdict, r.Missing)
	}
	wantFindings(t, r, info(check.CAKeyElsewhere, role.ClusterCACert, pki+"ca.crt"),
		info(check.CAKeyElsewhere, role.EtcdCACert, pki+"etcd/ca.crt"),
		info(check.CAKeyElsewhere, role.FrontProxyCACert, pki+"front-proxy-ca.crt"))

	n.drop(pki + "apiserver.crt")
	if r := n.check(check.Options{}); r.Verdict != check.Incomplete || len(r.Missing) != 1 {
		t.Errorf("without a certificate that only the external CA can issue: %s, missing %v", r.Verdict, r.Missing)
	}
}

// TestExternalCARenewed has no key that says which of two certificates signs: both do.
func TestExternalCARenewed(t *testing.T) {
	n := newTestNode(t, newEd25519)
	n.reissueCA(func(c *x509.Certificate) { c.NotAfter = now.Add(29 * 24 * hour) })
	renewedCA(n, -time.Second)
	n.drop(caKeys...)
	emptySigning(n)
	for _, f := range n.check(check.Options{}).Findings {
		if f.Severity == check.Fatal {
			t.Errorf("finding %v", f)
		}
		if f.Problem == check.Expiring {
			return
		}
	}
	t.Error("nothing says that the renewed one expires")
}

// mount has a program see a directory of the node elsewhere.
func (n *testNode) mount(manifest, onNode, inside string) {
	n.edit(manifest, "    command: ", "    volumeMounts: [{name: v, mountPath: "+inside+"}]\n    command: ")
	n.edit(manifest, "spec:\n", "spec:\n  volumes: [{name: v, hostPath: {path: "+onNode+"}}]\n")
}

func emptySigning(n *testNode) {
	n.edit(manifests+"kube-controller-manager.yaml", "signing-cert-file=/etc/kubernetes/pki/ca.crt", "signing-cert-file=")
	n.edit(manifests+"kube-controller-manager.yaml", "signing-key-file=/etc/kubernetes/pki/ca.key", "signing-key-file=")
}

// kubeletEmbedded is kubelet.conf as kubeadm init phase kubeconfig writes it.
func kubeletEmbedded(n *testNode) {
	for path := range n.files {
		if strings.HasPrefix(path, kubelet+"pki/") {
			n.drop(path)
		}
	}
	n.kubeconfig("kubelet", role.KubeletConf)
}

// clusterServing has a serving pair that the kubelet has got from the cluster, and an older one beside it.
func clusterServing(n *testNode, ends time.Duration) {
	const name = kubelet + "pki/kubelet-server-"
	n.kubeletPair(name+"2026-03-01-11-00-00.pem", role.KubeletOwnServer, ends)
	n.kubeletPair(name+"2025-03-01-11-00-00.pem", role.KubeletOwnServer, -hour)
	n.files[name+"current.pem"] = pkibundle.File{
		Path: name + "current.pem", Role: role.KubeletOwnServer, Mode: 0o777, Link: "/" + name + "2026-03-01-11-00-00.pem",
	}
	n.drop(kubelet+"pki/kubelet.crt", kubelet+"pki/kubelet.key")
}

// externalEtcd has no etcd on the node, and its client's files where the operator has put them.
func externalEtcd(n *testNode) {
	moved := map[string]string{
		pki + "etcd/ca.crt": "etc/etcd/ca.crt", pki + "apiserver-etcd-client.crt": "etc/etcd/client.crt",
		pki + "apiserver-etcd-client.key": "etc/etcd/client.key",
	}
	for from, to := range moved {
		f := n.files[from]
		n.put(to, f.Role, f.Mode, f.Data)
		n.drop(from)
		n.edit(manifests+"kube-apiserver.yaml", "/"+from, "/"+to)
	}
	n.edit(manifests+"kube-apiserver.yaml", "https://127.0.0.1:2379", "https://10.0.0.21:2379,https://10.0.0.22:2379")
	n.drop(manifests + "etcd.yaml")
	for path := range n.files {
		if strings.HasPrefix(path, pki+"etcd/") {
			n.drop(path)
		}
	}
}

// renewedCA has the cluster CA's old certificate, which ends after a time, before the new one of the same key.
func renewedCA(n *testNode, ends time.Duration) {
	until := n.issued["ca"].NotAfter
	n.issued["ca"].NotAfter = now.Add(ends)
	old := n.sign("ca")
	n.issued["ca"].NotAfter = until
	n.change(pki+"ca.crt", func(f *pkibundle.File) { f.Data = append(old, f.Data...) })
}

// exchangedCA has a new CA that is trusted, but has signed no certificate yet.
func exchangedCA(n *testNode) {
	n.ca("old-ca", role.Other, role.Other)
	n.issued["old-ca"].Subject = n.issued["ca"].Subject
	both := append(n.sign("old-ca"), n.files[pki+"ca.crt"].Data...)
	n.put(pki+"old-ca.crt", role.Other, 0o644, n.sign("old-ca"))
	n.drop(pki + "old-ca.key")
	for path, f := range n.files {
		if bytes.Contains(f.Data, []byte("certificate-authority-data: ")) {
			n.edit(path, between(n.t, f.Data, "certificate-authority-data: "), base64.StdEncoding.EncodeToString(both))
		}
	}
	n.change(pki+"ca.crt", func(f *pkibundle.File) { f.Data = both })
}

func onlyShared(n *testNode, roles ...string) {
	for path, f := range n.files {
		if !slices.Contains(roles, f.Role) {
			n.drop(path)
		}
	}
}
