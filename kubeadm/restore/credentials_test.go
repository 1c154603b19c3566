package restore

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// authority is a CA that is valid at noon.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	a := authority{&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kubernetes"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: noon.AddDate(-1, 0, 0), NotAfter: noon.AddDate(9, 0, 0), KeyUsage: x509.KeyUsageCertSign,
	}, key}
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, key.Public(), key)
	must(t, err)
	a.cert, err = x509.ParseCertificate(der)
	must(t, err)
	return a
}

func (a authority) pem() string { return certPEM(a.cert.Raw) }

func certPEM(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// leaf is a certificate of the CA until a time.
func (a authority) leaf(t *testing.T, until time.Time) (cert string, key *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "admin"}, NotBefore: noon.AddDate(-1, 0, 0), NotAfter: until,
	}, a.cert, key.Public(), a.key)
	must(t, err)
	return certPEM(der), key
}

// conf is a kubeconfig with a certificate of the CA until a time.
func (a authority) conf(t *testing.T, until time.Time) string {
	t.Helper()
	cert, key := a.leaf(t, until)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	text, err := clientcmd.Write(clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{"c": {Server: "https://127.0.0.1:1"}},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{"u": {
			ClientCertificateData: []byte(cert), ClientKeyData: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		}},
		Contexts: map[string]*clientcmdapi.Context{"c": {Cluster: "c", AuthInfo: "u"}}, CurrentContext: "c",
	})
	must(t, err)
	return string(text)
}

// The file to get in with is chosen, and missed, while the old cluster runs.
func TestWhichConfGetsIn(t *testing.T) {
	old, other := newAuthority(t), newAuthority(t)
	year, past := noon.AddDate(1, 0, 0), noon.AddDate(0, 0, -1)
	for name, c := range map[string]struct {
		super, admin, ca string // what is there; the CA is the old one
		brings           map[string]string
		chosen, says     string
	}{
		"both":             {super: old.conf(t, year), admin: old.conf(t, year), chosen: superAdminConf},
		"the first is old": {super: old.conf(t, past), admin: old.conf(t, year), chosen: adminConf},
		"both are old": {
			super: old.conf(t, past), admin: old.conf(t, past), says: "/etc/kubernetes/admin.conf has expired on 2026-11-25",
		},
		"another CA": {super: other.conf(t, year), admin: old.conf(t, year), chosen: adminConf},
		"another CA comes": {
			admin: old.conf(t, year), brings: map[string]string{"pki/ca.crt": other.pem()},
			says: "/etc/kubernetes/admin.conf is of another CA than /etc/kubernetes/pki/ca.crt",
		},
		"another CA comes with its own": {
			admin: old.conf(t, year), chosen: adminConf,
			brings: map[string]string{"pki/ca.crt": other.pem(), "admin.conf": other.conf(t, year)},
		},
		"none":          {says: "/etc/kubernetes/admin.conf is neither on the node nor in the source"},
		"no kubeconfig": {admin: "nonsense", says: "/etc/kubernetes/admin.conf is no kubeconfig"},
	} {
		t.Run(name, func(t *testing.T) {
			m := resting(t)
			m.host.Now = func() time.Time { return noon }
			dir := filepath.Join(m.at.root, confDir)
			must(t, os.Remove(filepath.Join(dir, adminConf)))
			write(t, filepath.Join(dir, "pki/ca.crt"), old.pem())
			for file, text := range map[string]string{superAdminConf: c.super, adminConf: c.admin} {
				if text != "" {
					write(t, filepath.Join(dir, file), text)
				}
			}
			var changes []change
			for file, text := range c.brings {
				one := change{Path: filepath.Join(confDir, file)}
				write(t, one.fresh(m.plan, m.at), text)
				changes = append(changes, one)
			}
			path, err := m.adminConf(m.after(changes))
			if c.says != "" {
				says(t, err, c.says)
				return
			}
			must(t, err)
			want := change{Path: filepath.Join(confDir, c.chosen)}
			if path != want.place(m.at) && path != want.fresh(m.plan, m.at) {
				t.Errorf("it is %s, want %s", path, want.Path)
			}
		})
	}
}

// A certificate that has expired is told before anything stops.
func TestExpiredCertificate(t *testing.T) {
	root, node := newNode(t)
	cert, _ := newAuthority(t).leaf(t, noon.AddDate(0, 0, -1))
	write(t, filepath.Join(root, "etc/kubernetes/pki/apiserver.crt"), cert)
	was := tree(t, root)
	host := Host{Root: root, Limit: time.Second, Now: func() time.Time { return noon }}
	_, err := Run(t.Context(), host, New(node, noon, lone), newSource(t))
	says(t, err, "kube-apiserver would not serve: /etc/kubernetes/pki/apiserver.crt has expired on 2026-11-25: renew it")
	if !errors.Is(err, ErrRefused) {
		t.Errorf("it is not refused: %v", err)
	}
	same(t, was, tree(t, root))
}

// What has a certificate is judged when no journal has begun yet, too.
func TestCredentialsBeforeTheJournal(t *testing.T) {
	root, node := newNode(t)
	write(t, filepath.Join(root, confDir, adminConf), newAuthority(t).conf(t, noon.AddDate(1, 0, 0)))
	host, err := Host{Root: root, Now: func() time.Time { return noon }}.withDefaults()
	must(t, err)
	m, err := begin(t.Context(), host, New(node, noon, lone), newSource(t))
	must(t, err)
	must(t, m.close())
}

// A kube-apiserver that listens and does not say which cluster it is of is noted.
func TestServerThatDoesNotTell(t *testing.T) {
	m := resting(t)
	found := &was{}
	m.askAPI(t.Context(), m.plan, found)
	if len(found.Notes) > 0 {
		t.Errorf("of one that is down: %q", found.Notes)
	}
	text, _ := listening(t)
	m.plan.Node.Programs[1].Serves.Value = hostOf(text)
	m.askAPI(t.Context(), m.plan, found)
	if len(found.Notes) != 1 || found.API {
		t.Errorf("of one that listens: %+v", found)
	}
	if notes := (&record{plan: m.plan, was: *found}).report().Notes; len(notes) != 1 {
		t.Errorf("the report has the notes %q", notes)
	}
}
