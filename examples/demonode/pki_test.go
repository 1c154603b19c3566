package demonode

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
)

func TestCertificates(t *testing.T) {
	node, _ := start(t, 0)
	server, client := x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth
	for _, test := range []struct {
		name, ca, commonName string
		hosts                string
		usages               []x509.ExtKeyUsage
	}{
		{"apiserver", "ca", "kube-apiserver", "demo kubernetes.default.svc.cluster.local 10.96.0.1 127.0.0.1", []x509.ExtKeyUsage{server}},
		{"apiserver-kubelet-client", "ca", "kube-apiserver-kubelet-client", "", []x509.ExtKeyUsage{client}},
		{"front-proxy-client", "front-proxy-ca", "front-proxy-client", "", []x509.ExtKeyUsage{client}},
		{"etcd/server", "etcd/ca", "demo", "demo localhost 127.0.0.1 ::1", []x509.ExtKeyUsage{server, client}},
		{"etcd/peer", "etcd/ca", "demo", "demo localhost 127.0.0.1 ::1", []x509.ExtKeyUsage{server, client}},
		{"etcd/healthcheck-client", "etcd/ca", "kube-etcd-healthcheck-client", "", []x509.ExtKeyUsage{client}},
		{"apiserver-etcd-client", "etcd/ca", "kube-apiserver-etcd-client", "", []x509.ExtKeyUsage{client}},
	} {
		t.Run(test.name, func(t *testing.T) {
			pair, err := tls.LoadX509KeyPair(pkiFile(node, test.name+".crt"), pkiFile(node, test.name+".key"))
			if err != nil {
				t.Fatal(err)
			}
			checkLeaf(t, node, pair.Leaf, test.ca, test.usages)
			if pair.Leaf.Subject.CommonName != test.commonName {
				t.Errorf("common name %q, want %q", pair.Leaf.Subject.CommonName, test.commonName)
			}
			for _, host := range strings.Fields(test.hosts) {
				if err := pair.Leaf.VerifyHostname(host); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestKubeconfigs(t *testing.T) {
	node, _ := start(t, 0)
	for file, subject := range map[string]string{
		"admin":              "CN=kubernetes-admin,O=kubeadm:cluster-admins",
		"super-admin":        "CN=kubernetes-super-admin,O=system:masters",
		"controller-manager": "CN=system:kube-controller-manager",
		"scheduler":          "CN=system:kube-scheduler",
		"kubelet":            "CN=system:node:demo,O=system:nodes",
	} {
		t.Run(file, func(t *testing.T) {
			loaded, err := clientcmd.BuildConfigFromFlags("", filepath.Join(node.Root, "etc/kubernetes", file+".conf"))
			if err != nil {
				t.Fatal(err)
			}
			pair, err := tls.X509KeyPair(loaded.CertData, loaded.KeyData)
			if err != nil {
				t.Fatal(err)
			}
			checkLeaf(t, node, pair.Leaf, "ca", []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth})
			if got := pair.Leaf.Subject.String(); got != subject {
				t.Errorf("subject %q, want %q", got, subject)
			}
			if !bytes.Equal(loaded.CAData, readFile(t, pkiFile(node, "ca.crt"))) {
				t.Error("the CA in it is not pki/ca.crt")
			}
		})
	}
}

func TestServiceAccountKeys(t *testing.T) {
	node, _ := start(t, 0)
	private, err := x509.ParseECPrivateKey(readPEM(t, pkiFile(node, "sa.key")))
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.ParsePKIXPublicKey(readPEM(t, pkiFile(node, "sa.pub")))
	if err != nil {
		t.Fatal(err)
	}
	if !private.PublicKey.Equal(public) {
		t.Error("sa.pub does not belong to sa.key")
	}
}

func TestAuthorityPrintsNoKey(t *testing.T) {
	ca, _, _, err := newAuthority("x", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	secret, err := ca.key.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal([]any{ca})
	if err != nil {
		t.Fatal(err)
	}
	printed := fmt.Sprintf("%v %+v %#v %s", ca, ca, ca, encoded)
	for _, form := range []string{new(big.Int).SetBytes(secret).String(), fmt.Sprintf("%x", secret)} {
		if strings.Contains(printed, form) {
			t.Errorf("the key is in %s", printed)
		}
	}
}

// checkLeaf wants a certificate that its CA signed, and no other CA of the node, for exactly these usages.
func checkLeaf(t *testing.T, node *Node, leaf *x509.Certificate, ca string, usages []x509.ExtKeyUsage) {
	t.Helper()
	if !slices.Equal(leaf.ExtKeyUsage, usages) {
		t.Errorf("usages %v, want %v", leaf.ExtKeyUsage, usages)
	}
	for _, other := range []string{"ca", "front-proxy-ca", "etcd/ca"} {
		_, err := leaf.Verify(x509.VerifyOptions{Roots: pool(t, node, other), KeyUsages: usages})
		if (err == nil) != (other == ca) {
			t.Errorf("verified by %s: %v", other, err)
		}
	}
}

func pool(t *testing.T, node *Node, ca string) *x509.CertPool {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(readFile(t, pkiFile(node, ca+".crt"))) {
		t.Fatalf("%s.crt holds no certificate", ca)
	}
	return roots
}

func pkiFile(node *Node, name string) string { return filepath.Join(node.Root, pkiDir, name) }

func readPEM(t *testing.T, name string) []byte {
	t.Helper()
	block, _ := pem.Decode(readFile(t, name))
	if block == nil {
		t.Fatalf("%s is no PEM", name)
	}
	return block.Bytes
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
