package kubeadm_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/clustersnap/clustersnap/kubeadm"
)

// authority signs certificates like etcd's CA on a node.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, edits ...func(*x509.Certificate)) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "etcd-ca"},
		NotAfter:              time.Now().Add(time.Hour),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	for _, edit := range edits {
		edit(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key}
}

func (a authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// issue makes a pair for a client and for a server on 127.0.0.1.
func (a authority) issue(t *testing.T, name string, edits ...func(*x509.Certificate)) (certPEM, keyPEM []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: name},
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	for _, edit := range edits {
		edit(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

const etcdCA = "etc/kubernetes/pki/etcd/ca.crt"

// nodeWithPKI is a node with etcd's CA and its healthcheck-client pair.
func nodeWithPKI(t *testing.T, ca authority) fstest.MapFS {
	t.Helper()
	root := node(t, "v1.37", healthcheckCert, healthcheckKey, etcdCA)
	root[etcdCA].Data = ca.pem()
	root[healthcheckCert].Data, root[healthcheckKey].Data = ca.issue(t, "kube-etcd-healthcheck-client")
	return root
}

func TestClientTLSOpensAServerThatWantsAClientCertificate(t *testing.T) {
	ca := newAuthority(t)
	pair, err := tls.X509KeyPair(ca.issue(t, "etcd"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte(r.TLS.PeerCertificates[0].Subject.CommonName))
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	server.StartTLS()
	defer server.Close()

	get := func(ca authority) (string, error) {
		root := nodeWithPKI(t, ca)
		read, err := kubeadm.Read(root, kubeadm.Options{})
		if err != nil {
			t.Fatal(err)
		}
		config, _, err := read.Etcd.ClientTLS(root, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if config.MinVersion != tls.VersionTLS12 {
			t.Errorf("minimum version %x, want TLS 1.2", config.MinVersion)
		}
		transport := &http.Transport{TLSClientConfig: config}
		defer transport.CloseIdleConnections()
		response, err := (&http.Client{Transport: transport}).Get(server.URL)
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		name := make([]byte, 100)
		n, _ := response.Body.Read(name)
		return string(name[:n]), nil
	}
	if name, err := get(ca); err != nil || name != "kube-etcd-healthcheck-client" {
		t.Errorf("the server saw %q, %v, want kube-etcd-healthcheck-client", name, err)
	}
	var unknown x509.UnknownAuthorityError
	if name, err := get(newAuthority(t)); !errors.As(err, &unknown) {
		t.Errorf("another CA: %q, %v, want the server to be refused", name, err)
	}
}

func TestClientTLSIsNilOnlyForHTTP(t *testing.T) {
	root := node(t, "json")
	plain, err := kubeadm.Read(root, kubeadm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if config, _, err := plain.Etcd.ClientTLS(root, time.Now()); config != nil || err != nil {
		t.Errorf("http: %v, %v, want nil, nil", config, err)
	}
	plain.Etcd.Endpoints[1].Value = "https://127.0.0.1:4001"
	if config, _, err := plain.Etcd.ClientTLS(root, time.Now()); err == nil || !strings.Contains(err.Error(), "--trusted-ca-file") {
		t.Errorf("https beside http without a credential: %v, %v, want an error", config, err)
	}
	if config, _, err := new(kubeadm.Etcd).ClientTLS(root, time.Now()); err == nil {
		t.Errorf("no endpoints: %v, want an error", config)
	}
}

func TestClientTLSErrors(t *testing.T) {
	ca := newAuthority(t)
	for _, tt := range []struct {
		name string
		harm func(root fstest.MapFS, etcd *kubeadm.Etcd) fs.FS
		is   error
		says []string
	}{
		{"missing key", func(root fstest.MapFS, _ *kubeadm.Etcd) fs.FS {
			delete(root, healthcheckKey)
			return root
		}, fs.ErrNotExist, []string{healthcheckKey, "etcd.yaml: container etcd: --cert-file"}},
		{"unreadable key", func(root fstest.MapFS, _ *kubeadm.Etcd) fs.FS {
			return deny{root, "open", healthcheckKey}
		}, fs.ErrPermission, []string{healthcheckKey, "run as root"}},
		{"CA without certificate", func(root fstest.MapFS, _ *kubeadm.Etcd) fs.FS {
			root[etcdCA].Data = root[healthcheckKey].Data
			return root
		}, kubeadm.ErrBadPEM, []string{etcdCA}},
		{"key of another certificate", func(root fstest.MapFS, _ *kubeadm.Etcd) fs.FS {
			_, root[healthcheckKey].Data = ca.issue(t, "other")
			return root
		}, kubeadm.ErrKeyMismatch, []string{healthcheckCert, healthcheckKey}},
		{"certificate of another CA", func(root fstest.MapFS, _ *kubeadm.Etcd) fs.FS {
			root[healthcheckCert].Data, root[healthcheckKey].Data = newAuthority(t).issue(t, "other")
			return root
		}, kubeadm.ErrUntrusted, []string{healthcheckCert}},
		{"certificate for servers", func(root fstest.MapFS, _ *kubeadm.Etcd) fs.FS {
			root[healthcheckCert].Data, root[healthcheckKey].Data = ca.issue(t, "other", func(c *x509.Certificate) {
				c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
			})
			return root
		}, kubeadm.ErrNotForClients, []string{healthcheckCert}},
		{"certificate and key exchanged", func(root fstest.MapFS, _ *kubeadm.Etcd) fs.FS {
			root[healthcheckCert].Data, root[healthcheckKey].Data = root[healthcheckKey].Data, root[healthcheckCert].Data
			return root
		}, kubeadm.ErrBadPEM, []string{healthcheckCert}},
		{"no certificate in its PEM", func(root fstest.MapFS, _ *kubeadm.Etcd) fs.FS {
			root[healthcheckCert].Data = []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
			return root
		}, kubeadm.ErrBadPEM, []string{healthcheckCert}},
		{"expired CA", func(root fstest.MapFS, _ *kubeadm.Etcd) fs.FS {
			old := newAuthority(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
			root[etcdCA].Data = old.pem()
			root[healthcheckCert].Data, root[healthcheckKey].Data = old.issue(t, "other")
			return root
		}, kubeadm.ErrExpired, []string{"CA"}},
		{"expired", func(root fstest.MapFS, _ *kubeadm.Etcd) fs.FS {
			root[healthcheckCert].Data, root[healthcheckKey].Data = ca.issue(t, "other", func(c *x509.Certificate) {
				c.NotAfter = time.Now().Add(-time.Minute)
			})
			return root
		}, kubeadm.ErrExpired, []string{healthcheckCert, time.Now().Add(-time.Minute).UTC().Format(time.DateOnly)}},
		{"cut key", func(root fstest.MapFS, _ *kubeadm.Etcd) fs.FS {
			root[healthcheckKey].Data = root[healthcheckKey].Data[:100]
			return root
		}, kubeadm.ErrBadPEM, []string{healthcheckKey}},
		{"empty certificate", func(root fstest.MapFS, _ *kubeadm.Etcd) fs.FS {
			root[healthcheckCert].Data = nil
			return root
		}, kubeadm.ErrBadPEM, []string{healthcheckCert}},
		{"huge key", func(root fstest.MapFS, _ *kubeadm.Etcd) fs.FS {
			root[healthcheckKey].Data = make([]byte, 1<<20+1)
			return root
		}, nil, []string{healthcheckKey, "larger"}},
		{"directory for a key", func(root fstest.MapFS, _ *kubeadm.Etcd) fs.FS {
			root[healthcheckKey].Mode = fs.ModeDir
			return root
		}, nil, []string{healthcheckKey}},
		{"no CA declared", func(root fstest.MapFS, etcd *kubeadm.Etcd) fs.FS {
			etcd.Credentials = nil
			return root
		}, nil, []string{"--trusted-ca-file"}},
		{"path that climbs", func(root fstest.MapFS, etcd *kubeadm.Etcd) fs.FS {
			etcd.Credentials[0].Key.Value = "/../../secret"
			return root
		}, nil, []string{"/../../secret", "absolute path"}},
		{"relative path", func(root fstest.MapFS, etcd *kubeadm.Etcd) fs.FS {
			etcd.Credentials[0].Cert.Value = healthcheckCert
			return root
		}, nil, []string{healthcheckCert, "absolute path"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := nodeWithPKI(t, ca)
			secret := strings.Split(string(root[healthcheckKey].Data), "\n")[1]
			read, err := kubeadm.Read(root, kubeadm.Options{})
			if err != nil {
				t.Fatal(err)
			}
			read.Etcd.Credentials = read.Etcd.Credentials[:1]
			config, _, err := read.Etcd.ClientTLS(tt.harm(root, &read.Etcd), time.Now())
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) {
				t.Fatalf("%v, %v, want an error that is %v", config != nil, err, tt.is)
			}
			for _, word := range tt.says {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%v does not say %q", err, word)
				}
			}
			if strings.Contains(err.Error(), secret[:16]) {
				t.Errorf("%v shows the key", err)
			}
		})
	}
}

// A credential that is of no use does not stand in the way of the next one.
func TestClientTLSPassesOver(t *testing.T) {
	ca := newAuthority(t)
	root := nodeWithPKI(t, ca)
	delete(root, healthcheckKey)
	client := "etc/kubernetes/pki/apiserver-etcd-client"
	root[client+".crt"], root[client+".key"] = &fstest.MapFile{}, &fstest.MapFile{}
	root[client+".crt"].Data, root[client+".key"].Data = ca.issue(t, "apiserver")
	read, err := kubeadm.Read(root, kubeadm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	config, chosen, err := read.Etcd.ClientTLS(root, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if got := config.Certificates[0].Leaf.Subject.CommonName; got != "apiserver" || chosen.Cert.Value != "/"+client+".crt" {
		t.Errorf("chosen is %s, %s", got, chosen.Cert.Value)
	}
	if len(chosen.PassedOver) != 1 || !strings.Contains(chosen.PassedOver[0], healthcheckKey) {
		t.Errorf("passed over: %q", chosen.PassedOver)
	}
}

// The certificate may come with those between it and the CA.
func TestClientTLSTakesAChain(t *testing.T) {
	ca, between := newAuthority(t), authority{}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "between"}, NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
	}
	var err error
	if between.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, between.key.Public(), ca.key)
	if err != nil {
		t.Fatal(err)
	}
	if between.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	root := nodeWithPKI(t, ca)
	leaf, key := between.issue(t, "client")
	root[healthcheckCert].Data, root[healthcheckKey].Data = slices.Concat(leaf, between.pem()), key
	read, err := kubeadm.Read(root, kubeadm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, chosen, err := read.Etcd.ClientTLS(root, time.Now()); err != nil || len(chosen.PassedOver) > 0 {
		t.Errorf("%v, passed over: %q", err, chosen.PassedOver)
	}
}
