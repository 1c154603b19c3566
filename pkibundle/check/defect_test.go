package check_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"io/fs"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/check"
	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

const admin, controllerManager = "etc/kubernetes/admin.conf", "etc/kubernetes/controller-manager.conf"

// fatal is a finding without its text, and so are warning and info.
func fatal(p check.Problem, r, path string) check.Finding {
	return check.Finding{Severity: check.Fatal, Problem: p, Role: r, Path: path}
}

func warning(p check.Problem, r, path string) check.Finding {
	return check.Finding{Severity: check.Warning, Problem: p, Role: r, Path: path}
}

func info(p check.Problem, r, path string) check.Finding {
	return check.Finding{Severity: check.Info, Problem: p, Role: r, Path: path}
}

// defect is planted in a sound node, and found alone.
type defect struct {
	name  string
	plant func(*testNode)
	want  check.Finding
}

var defects = []defect{
	// Pairs.
	{"key of another certificate", func(n *testNode) {
		n.change(pki+"apiserver.key", func(f *pkibundle.File) { f.Data = n.files[pki+"apiserver-kubelet-client.key"].Data })
	}, fatal(check.KeyMismatch, role.APIServerKey, pki+"apiserver.key")},
	{"key of another CA", func(n *testNode) {
		n.change(pki+"ca.key", func(f *pkibundle.File) { f.Data = n.key("other") })
	}, fatal(check.KeyMismatch, role.ClusterCAKey, pki+"ca.key")},
	{"key of another front-proxy CA", func(n *testNode) {
		n.change(pki+"front-proxy-ca.key", func(f *pkibundle.File) { f.Data = n.key("other") })
	}, fatal(check.KeyMismatch, role.FrontProxyCAKey, pki+"front-proxy-ca.key")},
	{"key of another etcd CA", func(n *testNode) {
		n.change(pki+"etcd/ca.key", func(f *pkibundle.File) { f.Data = n.key("other") })
	}, fatal(check.KeyMismatch, role.EtcdCAKey, pki+"etcd/ca.key")},
	{"sa.pub of another key", func(n *testNode) {
		n.key("other")
		n.change(pki+"sa.pub", func(f *pkibundle.File) { f.Data = n.public("other") })
	}, fatal(check.KeyMismatch, role.ServiceAccountPK, pki+"sa.pub")},
	{"kubeconfig's key of another certificate", func(n *testNode) {
		f := n.files[admin]
		n.edit(admin, between(n.t, f.Data, "client-key-data: "), base64.StdEncoding.EncodeToString(n.key("other")))
	}, fatal(check.KeyMismatch, role.AdminConf, admin)},
	{"kubelet's key of another certificate", func(n *testNode) {
		n.change(dated, func(f *pkibundle.File) { f.Data = append(n.sign(dated), n.key("other")...) })
	}, fatal(check.KeyMismatch, role.KubeletOwnClient, dated)},
	{"kubelet's serving key of another certificate", func(n *testNode) {
		n.change(kubelet+"pki/kubelet.key", func(f *pkibundle.File) { f.Data = n.key("other") })
	}, fatal(check.KeyMismatch, role.KubeletServingKey, kubelet+"pki/kubelet.key")},

	{"key of the intermediate CA", func(n *testNode) {
		n.ca("middle", role.Other, role.Other)
		n.issuer["middle"], n.issuer["apiserver"] = "ca", "middle"
		n.change(pki+"apiserver.crt", func(f *pkibundle.File) { f.Data = append(n.sign("apiserver"), n.sign("middle")...) })
		n.change(pki+"apiserver.key", func(f *pkibundle.File) { f.Data = n.files[pki+"middle.key"].Data })
		n.drop(pki+"middle.crt", pki+"middle.key")
	}, fatal(check.KeyMismatch, role.APIServerKey, pki+"apiserver.key")},

	// Chains.
	{"certificate of another CA", func(n *testNode) {
		n.foreign("apiserver")
	}, fatal(check.WrongSigner, role.APIServerCert, pki+"apiserver.crt")},
	{"certificate of another CA with the same name", func(n *testNode) {
		n.foreign("apiserver")
		n.issued["foreign"].Subject = n.issued["ca"].Subject
		n.reissue("apiserver", func(*x509.Certificate) {})
	}, fatal(check.WrongSigner, role.APIServerCert, pki+"apiserver.crt")},
	{"etcd's certificate of the cluster CA", func(n *testNode) {
		n.issuer["etcd/server"] = "ca"
		n.reissue("etcd/server", func(*x509.Certificate) {})
	}, fatal(check.WrongSigner, role.EtcdServerCert, pki+"etcd/server.crt")},
	{"front proxy's certificate of the cluster CA", func(n *testNode) {
		n.issuer["front-proxy-client"] = "ca"
		n.reissue("front-proxy-client", func(*x509.Certificate) {})
	}, fatal(check.WrongSigner, role.FrontProxyClientCert, pki+"front-proxy-client.crt")},
	{"kubeconfig's certificate of another CA", func(n *testNode) {
		n.foreign("controller-manager")
	}, fatal(check.WrongSigner, role.ControllerManagerConf, controllerManager)},
	{"intermediate that is no CA", func(n *testNode) {
		n.ca("middle", role.Other, role.Other)
		n.issuer["middle"], n.issuer["apiserver"] = "ca", "middle"
		n.issued["middle"].IsCA = false
		n.change(pki+"apiserver.crt", func(f *pkibundle.File) { f.Data = append(n.sign("apiserver"), n.sign("middle")...) })
		n.drop(pki+"middle.crt", pki+"middle.key")
	}, fatal(check.WrongSigner, role.APIServerCert, pki+"apiserver.crt")},

	{"certificate of the CA under its former name", func(n *testNode) {
		n.reissue("front-proxy-ca", func(c *x509.Certificate) { c.Subject.CommonName = "renamed" })
	}, fatal(check.WrongSigner, role.FrontProxyClientCert, pki+"front-proxy-client.crt")},

	// What certificates allow.
	{"CA without the CA flag", func(n *testNode) {
		n.reissueCA(func(c *x509.Certificate) { c.IsCA = false })
	}, fatal(check.NotCA, role.ClusterCACert, pki+"ca.crt")},
	{"CA without the CA flag, where kube-apiserver reads its certificate from another file", func(n *testNode) {
		n.put("etc/trusted.crt", role.ClusterCACert, 0o644, n.files[pki+"ca.crt"].Data)
		n.edit(manifests+"kube-apiserver.yaml", "--client-ca-file=/etc/kubernetes/pki/ca.crt", "--client-ca-file=/etc/trusted.crt")
		n.issued["ca"].IsCA = false
		n.reissue("ca", func(*x509.Certificate) {})
	}, fatal(check.NotCA, role.ClusterCACert, pki+"ca.crt")},
	{"CA that may not sign certificates", func(n *testNode) {
		n.reissueCA(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign })
	}, fatal(check.NotCA, role.ClusterCACert, pki+"ca.crt")},
	{"server's certificate for clients", func(n *testNode) {
		n.reissue("apiserver", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	}, fatal(check.WrongUsage, role.APIServerCert, pki+"apiserver.crt")},
	{"client's certificate for servers", func(n *testNode) {
		n.reissue("apiserver-etcd-client", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	}, fatal(check.WrongUsage, role.EtcdClientCert, pki+"apiserver-etcd-client.crt")},
	{"etcd's certificate for servers alone", func(n *testNode) {
		n.reissue("etcd/server", func(c *x509.Certificate) { c.ExtKeyUsage = c.ExtKeyUsage[:1] })
	}, fatal(check.WrongUsage, role.EtcdServerCert, pki+"etcd/server.crt")},
	{"kubeconfig's certificate for servers", func(n *testNode) {
		n.reissue("admin", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	}, fatal(check.WrongUsage, role.AdminConf, admin)},

	// Names.
	{"not for the advertise address", func(n *testNode) {
		n.reissue("apiserver", func(c *x509.Certificate) { c.IPAddresses = c.IPAddresses[1:] })
	}, fatal(check.MissingName, role.APIServerCert, pki+"apiserver.crt")},
	{"not for the service's address", func(n *testNode) {
		n.reissue("apiserver", func(c *x509.Certificate) { c.IPAddresses = c.IPAddresses[:2] })
	}, fatal(check.MissingName, role.APIServerCert, pki+"apiserver.crt")},
	{"not for the service's name", func(n *testNode) {
		n.reissue("apiserver", func(c *x509.Certificate) { c.DNSNames = []string{"api.example.org"} })
	}, fatal(check.MissingName, role.APIServerCert, pki+"apiserver.crt")},
	{"not for the control plane's endpoint", func(n *testNode) {
		n.reissue("apiserver", func(c *x509.Certificate) { c.DNSNames = []string{"kubernetes.default.svc"} })
	}, fatal(check.MissingName, role.APIServerCert, pki+"apiserver.crt")},
	{"not for one address that is wanted twice", func(n *testNode) {
		n.reissue("apiserver", func(c *x509.Certificate) { c.IPAddresses = c.IPAddresses[1:] })
		n.edit(admin, "https://api.example.org", "https://10.0.0.11")
	}, fatal(check.MissingName, role.APIServerCert, pki+"apiserver.crt")},
	{"etcd not for its client address", func(n *testNode) {
		n.reissue("etcd/server", func(c *x509.Certificate) { c.IPAddresses = []net.IP{{127, 0, 0, 1}} })
	}, fatal(check.MissingName, role.EtcdServerCert, pki+"etcd/server.crt")},
	{"etcd not for the address that kube-apiserver uses", func(n *testNode) {
		n.reissue("etcd/server", func(c *x509.Certificate) { c.IPAddresses = []net.IP{{10, 0, 0, 11}} })
	}, fatal(check.MissingName, role.EtcdServerCert, pki+"etcd/server.crt")},
	{"etcd not for its peer address", func(n *testNode) {
		n.reissue("etcd/peer", func(c *x509.Certificate) { c.IPAddresses = []net.IP{{127, 0, 0, 1}} })
	}, fatal(check.MissingName, role.EtcdPeerCert, pki+"etcd/peer.crt")},

	// Periods.
	{"expired", func(n *testNode) {
		n.reissue("apiserver", func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) })
	}, fatal(check.Expired, role.APIServerCert, pki+"apiserver.crt")},
	{"not yet valid", func(n *testNode) {
		n.reissue("apiserver", func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) })
	}, fatal(check.NotYetValid, role.APIServerCert, pki+"apiserver.crt")},
	{"expiring", func(n *testNode) {
		n.reissue("apiserver", func(c *x509.Certificate) { c.NotAfter = now.Add(30*24*hour - time.Second) })
	}, warning(check.Expiring, role.APIServerCert, pki+"apiserver.crt")},
	{"CA expired", func(n *testNode) {
		n.reissueCA(func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) })
	}, fatal(check.Expired, role.ClusterCACert, pki+"ca.crt")},
	{"etcd's CA expiring", func(n *testNode) {
		n.reissue("etcd/ca", func(c *x509.Certificate) { c.NotAfter = now.Add(29 * 24 * hour) })
	}, warning(check.Expiring, role.EtcdCACert, pki+"etcd/ca.crt")},
	{"CA renewed with its old key, and expiring again", func(n *testNode) {
		n.reissueCA(func(c *x509.Certificate) { c.NotAfter = now.Add(29 * 24 * hour) })
		renewedCA(n, -time.Second)
	}, warning(check.Expiring, role.ClusterCACert, pki+"ca.crt")},
	{"CA that is being exchanged, its old one expired while in use", func(n *testNode) {
		exchangedCA(n)
		n.reissue("old-ca", func(c *x509.Certificate) { c.NotAfter = now.Add(-1) })
		both := append(n.sign("ca"), n.files[pki+"old-ca.crt"].Data...)
		n.change(pki+"ca.crt", func(f *pkibundle.File) { f.Data = both })
		n.issuer["admin"] = "old-ca"
		n.reissue("admin", func(*x509.Certificate) {})
		n.drop(pki + "old-ca.crt")
	}, fatal(check.Expired, role.ClusterCACert, pki+"ca.crt")},
	{"CA that is being exchanged, its new one expired", func(n *testNode) { // ca.key is the new one's
		exchangedCA(n)
		ofCA := []string{"apiserver", "apiserver-kubelet-client", "admin", "super-admin", "controller-manager", "scheduler"}
		for _, name := range ofCA {
			n.issuer[name] = "old-ca"
			n.reissue(name, func(*x509.Certificate) {})
		}
		n.put("etc/kubernetes/kubelet.conf", role.KubeletConf, 0o600, n.kubeconfigText("token: abcdef.0123456789abcdef\n"))
		n.reissue("ca", func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) })
		both := append(n.files[pki+"ca.crt"].Data, n.files[pki+"old-ca.crt"].Data...)
		n.change(pki+"ca.crt", func(f *pkibundle.File) { f.Data = both })
		n.drop(pki + "old-ca.crt")
	}, fatal(check.Expired, role.ClusterCACert, pki+"ca.crt")},
	{"kubeconfig's certificate expired", func(n *testNode) {
		n.reissue("admin", func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) })
	}, fatal(check.Expired, role.AdminConf, admin)},
	{"super-admin's certificate expired", func(n *testNode) {
		n.reissue("super-admin", func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) })
	}, fatal(check.Expired, role.SuperAdminConf, "etc/kubernetes/super-admin.conf")},
	{"kubelet's certificate expired", func(n *testNode) {
		key := bytes.TrimPrefix(n.files[dated].Data, n.sign(dated))
		n.issued[dated].NotAfter = now.Add(-time.Second)
		n.change(dated, func(f *pkibundle.File) { f.Data = append(n.sign(dated), key...) })
	}, fatal(check.Expired, role.KubeletOwnClient, dated)},
	{"kubelet's serving certificate expired", func(n *testNode) {
		n.issued["serving"].NotAfter = now.Add(-time.Second)
		n.change(kubelet+"pki/kubelet.crt", func(f *pkibundle.File) { f.Data = n.sign("serving") })
	}, warning(check.Expired, role.KubeletServingCert, kubelet+"pki/kubelet.crt")},

	{"certificate that the kubelet serves with expired", func(n *testNode) { clusterServing(n, -time.Second) },
		warning(check.Expired, role.KubeletOwnServer, kubelet+"pki/kubelet-server-2026-03-01-11-00-00.pem")},

	// Broken files.
	{"certificate is no PEM", func(n *testNode) {
		n.change(pki+"apiserver.crt", func(f *pkibundle.File) { f.Data = []byte("\x00\x01") })
	}, fatal(check.Unparsable, role.APIServerCert, pki+"apiserver.crt")},
	{"certificate is a key", func(n *testNode) {
		key := n.files[pki+"front-proxy-client.key"].Data
		n.change(pki+"front-proxy-client.crt", func(f *pkibundle.File) { f.Data, f.Mode = key, 0o600 })
	}, fatal(check.Unparsable, role.FrontProxyClientCert, pki+"front-proxy-client.crt")},
	{"key is empty", func(n *testNode) {
		n.change(pki+"etcd/peer.key", func(f *pkibundle.File) { f.Data = nil })
	}, fatal(check.Unparsable, role.EtcdPeerKey, pki+"etcd/peer.key")},
	{"sa.pub is empty", func(n *testNode) {
		n.change(pki+"sa.pub", func(f *pkibundle.File) { f.Data = nil })
	}, fatal(check.Unparsable, role.ServiceAccountPK, pki+"sa.pub")},
	{"sa.key is half", func(n *testNode) {
		n.change(pki+"sa.key", func(f *pkibundle.File) { f.Data = f.Data[:len(f.Data)/2] })
	}, fatal(check.Unparsable, role.ServiceAccount, pki+"sa.key")},
	{"ca.key has a broken line", func(n *testNode) {
		n.change(pki+"ca.key", func(f *pkibundle.File) {
			f.Data = bytes.Clone(f.Data)
			copy(f.Data[40:], "////////")
		})
	}, fatal(check.Unparsable, role.ClusterCAKey, pki+"ca.key")},
	{"encryption config is another", func(n *testNode) {
		n.encrypt("secretbox: {keys: [{name: key1, secret: SECRET}]}")
		n.edit("etc/kubernetes/enc/config.yaml", "EncryptionConfiguration", "AdmissionConfiguration")
	}, fatal(check.BadEncryption, role.Encryption, "etc/kubernetes/enc/config.yaml")},
	{"encryption config is no YAML", func(n *testNode) {
		n.encrypt("secretbox: {keys: [{name: key1, secret: SECRET}")
	}, fatal(check.BadEncryption, role.Encryption, "etc/kubernetes/enc/config.yaml")},
	{"encryption config has a short key", func(n *testNode) {
		n.encrypt("secretbox: {keys: [{name: key1, secret: SECRET}]}")
		f := n.files["etc/kubernetes/enc/config.yaml"]
		n.edit(f.Path, "secret: ", "secret: AAAA}, {name: key2, secret: ")
	}, fatal(check.BadEncryption, role.Encryption, "etc/kubernetes/enc/config.yaml")},
	{"encryption by a KMS", func(n *testNode) {
		n.encrypt("kms: {apiVersion: v2, name: vault, endpoint: 'unix:///run/kms.sock'}")
	}, info(check.NeedsKMS, role.Encryption, "etc/kubernetes/enc/config.yaml")},

	// Modes.
	{"CA key for all", func(n *testNode) { n.chmod(pki+"ca.key", 0o644) }, warning(check.LooseMode, role.ClusterCAKey, pki+"ca.key")},
	{"key for a group", func(n *testNode) { n.chmod(pki+"apiserver.key", 0o640) },
		warning(check.LooseMode, role.APIServerKey, pki+"apiserver.key")},
	{"sa.key for any group", func(n *testNode) { n.chmod(pki+"sa.key", 0o640) },
		warning(check.LooseMode, role.ServiceAccount, pki+"sa.key")},
	{"sa.key for its group and the others", func(n *testNode) {
		n.chmod(pki+"sa.key", 0o644)
		n.change(pki+"sa.key", func(f *pkibundle.File) { f.Owner.Group = "kubeadm-sa-key-readers" })
	}, warning(check.LooseMode, role.ServiceAccount, pki+"sa.key")},
	{"kubeconfig for all", func(n *testNode) { n.chmod(admin, 0o644) }, warning(check.LooseMode, role.AdminConf, admin)},
	{"kubelet's pair for all", func(n *testNode) { n.chmod(dated, 0o644) }, warning(check.LooseMode, role.KubeletOwnClient, dated)},
	{"encryption config for all", func(n *testNode) {
		n.encrypt("secretbox: {keys: [{name: key1, secret: SECRET}]}")
		n.chmod("etc/kubernetes/enc/config.yaml", 0o644)
	}, warning(check.LooseMode, role.Encryption, "etc/kubernetes/enc/config.yaml")},
	{"key that only a flag knows, for all", func(n *testNode) {
		n.put("etc/webhook/tls.key", role.Referenced, 0o644, n.key("webhook"))
	}, warning(check.LooseMode, role.Referenced, "etc/webhook/tls.key")},
	{"kubeconfig that only a flag knows, for all", func(n *testNode) {
		n.put("etc/webhook/authz.conf", role.Referenced, 0o644, n.kubeconfigText("token: abcdef.0123456789abcdef\n"))
	}, warning(check.LooseMode, role.Referenced, "etc/webhook/authz.conf")},
}

func TestDefects(t *testing.T) {
	for _, test := range slices.Concat(defects, kubeconfigDefects) {
		t.Run(test.name, func(t *testing.T) {
			n := newTestNode(t, newEd25519)
			test.plant(n)
			r := n.check(check.Options{})
			if r.Verdict != check.Full {
				t.Errorf("%s, missing %v", r.Verdict, r.Missing)
			}
			wantFindings(t, r, test.want)
		})
	}
}

// TestHorizon looks as far ahead as it is told.
func TestHorizon(t *testing.T) {
	n := newTestNode(t, newEd25519)
	n.reissue("apiserver", func(c *x509.Certificate) { c.NotAfter = now.Add(20 * 24 * hour) })
	wantFindings(t, n.check(check.Options{Horizon: 21 * 24 * hour}), warning(check.Expiring, role.APIServerCert, pki+"apiserver.crt"))
	wantFindings(t, n.check(check.Options{Horizon: 19 * 24 * hour}))
	n.reissue("apiserver", func(c *x509.Certificate) { c.NotAfter = now.Add(30*24*hour + time.Second) })
	wantFindings(t, n.check(check.Options{}))
}

// TestOrder has the worst first.
func TestOrder(t *testing.T) {
	n := newTestNode(t, newEd25519)
	n.encrypt("kms: {apiVersion: v2, name: vault, endpoint: 'unix:///run/kms.sock'}")
	n.chmod(pki+"sa.key", 0o644)
	n.chmod(admin, 0o644)
	n.reissue("apiserver", func(c *x509.Certificate) { c.NotAfter = now.Add(hour) })
	n.edit(controllerManager, "https://api", "http://api")
	n.reissue("admin", func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) })
	wantFindings(t, n.check(check.Options{}), fatal(check.Expired, role.AdminConf, admin),
		fatal(check.BadKubeconfig, role.ControllerManagerConf, controllerManager),
		warning(check.LooseMode, role.AdminConf, admin),
		warning(check.Expiring, role.APIServerCert, pki+"apiserver.crt"),
		warning(check.LooseMode, role.ServiceAccount, pki+"sa.key"),
		info(check.NeedsKMS, role.Encryption, "etc/kubernetes/enc/config.yaml"))
}

// wantFindings wants these, in this order, and nothing else.
func wantFindings(t *testing.T, r *check.Report, want ...check.Finding) {
	t.Helper()
	same := len(r.Findings) == len(want)
	for i := 0; same && i < len(want); i++ {
		found := r.Findings[i]
		found.Text = ""
		same = found == want[i]
	}
	if !same {
		t.Errorf("found:\n%v\nwant:\n%v", r.Findings, want)
	}
}

// foreign has a certificate issued by a CA that nobody knows.
func (n *testNode) foreign(name string) {
	n.ca("foreign", role.Other, role.Other)
	n.drop(pki+"foreign.crt", pki+"foreign.key")
	n.issuer[name] = "foreign"
	n.reissue(name, func(*x509.Certificate) {})
}

// reissueCA changes the cluster CA's certificate everywhere.
func (n *testNode) reissueCA(how func(*x509.Certificate)) {
	old := base64.StdEncoding.EncodeToString(n.files[pki+"ca.crt"].Data)
	n.reissue("ca", how)
	for path, f := range n.files {
		if bytes.Contains(f.Data, []byte(old)) {
			n.edit(path, old, base64.StdEncoding.EncodeToString(n.files[pki+"ca.crt"].Data))
		}
	}
}

func (n *testNode) chmod(path string, mode fs.FileMode) {
	n.change(path, func(f *pkibundle.File) { f.Mode = mode })
}
