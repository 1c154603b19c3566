package restore

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/clustersnap/clustersnap/kubeadm"
)

// authorityUntil is a CA that is valid until a time, signed by another one or, for nil, by itself.
func authorityUntil(t *testing.T, by *authority, until time.Time) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	a := authority{&x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "ca of " + until.String()}, IsCA: true,
		BasicConstraintsValid: true, NotBefore: noon.AddDate(-9, 0, 0), NotAfter: until, KeyUsage: x509.KeyUsageCertSign,
	}, key}
	if by == nil {
		by = &a
	}
	der, err := x509.CreateCertificate(rand.Reader, a.cert, by.cert, key.Public(), by.key)
	must(t, err)
	a.cert, err = x509.ParseCertificate(der)
	must(t, err)
	return a
}

// confOf is a kubeconfig with a client's certificates and the CAs that it trusts.
func confOf(t *testing.T, client, trusts string) string {
	t.Helper()
	text, err := clientcmd.Write(clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{"c": {Server: "https://127.0.0.1:1", CertificateAuthorityData: []byte(trusts)}},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{"u": {
			ClientCertificateData: []byte(client), ClientKeyData: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY"}),
		}},
		Contexts: map[string]*clientcmdapi.Context{"c": {Cluster: "c", AuthInfo: "u"}}, CurrentContext: "c",
	})
	must(t, err)
	return string(text)
}

// What the control plane would not start with is refused while the old one runs, and nothing else.
func TestCertificatesOfTheNode(t *testing.T) {
	year, past := noon.AddDate(1, 0, 0), noon.AddDate(0, 0, -1)
	ca, other, old := newAuthority(t), newAuthority(t), authorityUntil(t, nil, past)
	between := authorityUntil(t, &ca, year)
	leaf := func(a authority, until time.Time) string {
		cert, _ := a.leaf(t, until)
		return cert
	}
	for name, c := range map[string]struct {
		files map[string]string // of etc/kubernetes, beside an admin.conf that gets in
		says  string            // nothing for what is good
	}{
		"a CA that was replaced is there still": {files: map[string]string{
			"pki/ca.crt": old.pem() + ca.pem(), "pki/apiserver.crt": leaf(ca, year),
			"pki/etcd/ca.crt": old.pem() + other.pem(), "pki/etcd/server.crt": leaf(other, year),
		}},
		"what only kubelets and extensions look at": {files: map[string]string{
			"pki/front-proxy-ca.crt": old.pem(), "pki/front-proxy-client.crt": leaf(old, past),
			"pki/apiserver-kubelet-client.crt": leaf(ca, past),
		}},
		"by way of another CA": {files: map[string]string{
			"pki/etcd/ca.crt": ca.pem(), "pki/etcd/server.crt": leaf(between, year) + between.pem(),
			"pki/apiserver-etcd-client.crt": leaf(between, year) + between.pem(),
			"controller-manager.conf":       confOf(t, leaf(between, year)+between.pem(), ca.pem()),
			"pki/apiserver.crt":             leaf(between, year) + between.pem(),
		}},
		"etcd's is old": {
			files: map[string]string{"pki/etcd/server.crt": leaf(ca, past)},
			says:  "etcd would not serve: /etc/kubernetes/pki/etcd/server.crt has expired on 2026-11-25",
		},
		"etcd's for other members is old": {
			files: map[string]string{"pki/etcd/peer.crt": leaf(ca, past)},
			says:  "etcd would not serve: /etc/kubernetes/pki/etcd/peer.crt has expired",
		},
		"that for etcd is old": {
			files: map[string]string{"pki/apiserver-etcd-client.crt": leaf(ca, past)},
			says:  "kube-apiserver would not serve: /etc/kubernetes/pki/apiserver-etcd-client.crt has expired",
		},
		"etcd's is of another CA": {
			files: map[string]string{"pki/etcd/ca.crt": ca.pem(), "pki/etcd/server.crt": leaf(other, year)},
			says:  "etcd would not serve: /etc/kubernetes/pki/etcd/server.crt is of another CA than /etc/kubernetes/pki/etcd/ca.crt",
		},
		"that for etcd is of another CA": {
			files: map[string]string{"pki/etcd/ca.crt": ca.pem(), "pki/apiserver-etcd-client.crt": leaf(other, year)},
			says:  "/etc/kubernetes/pki/apiserver-etcd-client.crt is of another CA than /etc/kubernetes/pki/etcd/ca.crt",
		},
		"a controller's is old": {
			files: map[string]string{"controller-manager.conf": confOf(t, leaf(ca, past), "")},
			says:  "kube-controller-manager would not be let in: /etc/kubernetes/controller-manager.conf has expired on 2026-11-25",
		},
		"the scheduler's is of another CA": {
			files: map[string]string{"scheduler.conf": confOf(t, leaf(other, year), "")},
			says:  "kube-scheduler would not be let in: /etc/kubernetes/scheduler.conf is of another CA than /etc/kubernetes/pki/ca.crt",
		},
		"the scheduler trusts another CA": {
			files: map[string]string{
				"scheduler.conf": confOf(t, leaf(ca, year), other.pem()), "pki/apiserver.crt": leaf(ca, year),
			},
			says: "/etc/kubernetes/scheduler.conf has another CA than that of /etc/kubernetes/pki/apiserver.crt",
		},
		"the scheduler has none": {
			files: map[string]string{"scheduler.conf": ""},
			says:  "/etc/kubernetes/scheduler.conf is neither on the node nor in the source",
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := controlPlane(t)
			dir := filepath.Join(m.at.root, confDir)
			write(t, filepath.Join(dir, "pki/ca.crt"), ca.pem())
			for _, name := range []string{"admin.conf", "controller-manager.conf", "scheduler.conf"} {
				write(t, filepath.Join(dir, name), ca.conf(t, year))
			}
			for name, text := range c.files {
				write(t, filepath.Join(dir, name), text)
				if text == "" {
					must(t, remove(filepath.Join(dir, name)))
				}
			}
			err := m.getsIn(m.now())
			if c.says != "" {
				says(t, err, c.says)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// controlPlane is a node with all four programs, which do not run.
func controlPlane(t *testing.T) *machine {
	t.Helper()
	root := t.TempDir()
	for _, program := range programs() {
		text, err := os.ReadFile(filepath.Join("../testdata/v1.31", program+".yaml"))
		must(t, err)
		write(t, filepath.Join(root, "etc/kubernetes/manifests", program+".yaml"), string(text))
	}
	node, err := kubeadm.Read(kubeadm.NodeFS(root), kubeadm.Options{})
	must(t, err)
	plan := New(node, noon, lone)
	host := Host{Root: root, Limit: time.Second, Now: func() time.Time { return noon }}
	return &machine{journal: &journal{record: record{plan: plan}}, at: plan.places(root), host: host}
}

// An etcd that is told by variables is judged as one with flags.
func TestCertificateOfAVariable(t *testing.T) {
	file := kubeadm.Setting{Value: "/srv/etcd.crt", Source: kubeadm.Source{Key: "ETCD_CERT_FILE"}}
	p := &Plan{Node: &kubeadm.Node{Programs: []kubeadm.Program{{Name: etcd, Files: []kubeadm.Setting{file}}}}}
	if got := p.files(needed()[0].cert); len(got) != 1 || got[0] != "srv/etcd.crt" {
		t.Errorf("its files are %q", got)
	}
}
