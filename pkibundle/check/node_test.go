package check_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/check"
	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

// now is when the tests look at a node. Its certificates were issued an hour before.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	pki       = "etc/kubernetes/pki/"
	manifests = "etc/kubernetes/manifests/"
	kubelet   = "var/lib/kubelet/"
	current   = kubelet + "pki/kubelet-client-current.pem"
	dated     = kubelet + "pki/kubelet-client-2026-03-01-11-00-00.pem"
)

// testNode is a node as kubeadm makes one, with keys of its own, to plant defects in.
type testNode struct {
	t       testing.TB
	newKey  func(testing.TB) crypto.Signer
	files   map[string]pkibundle.File
	omitted []pkibundle.Omission
	signers map[string]crypto.Signer     // private keys, by name
	issued  map[string]*x509.Certificate // templates, by name
	issuer  map[string]string            // names of CAs, by name
	secrets []string                     // what no report may show a part of
}

func newEd25519(t testing.TB) crypto.Signer {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	return key
}

func newECDSA(t testing.TB) crypto.Signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

func newRSA(t testing.TB) crypto.Signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	return key
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const (
	hour = time.Hour
	year = 365 * 24 * hour
)

// newTestNode is the first node of a cluster with etcd on its nodes, some time after kubeadm v1.37's init.
func newTestNode(t testing.TB, newKey func(testing.TB) crypto.Signer) *testNode {
	n := &testNode{
		t: t, newKey: newKey, files: map[string]pkibundle.File{}, signers: map[string]crypto.Signer{},
		issued: map[string]*x509.Certificate{}, issuer: map[string]string{},
	}
	n.ca("ca", role.ClusterCACert, role.ClusterCAKey)
	n.ca("front-proxy-ca", role.FrontProxyCACert, role.FrontProxyCAKey)
	n.ca("etcd/ca", role.EtcdCACert, role.EtcdCAKey)
	n.serviceAccount()
	client, server := x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth
	n.leaf("apiserver", role.APIServerCert, role.APIServerKey, "ca", server)
	n.leaf("apiserver-kubelet-client", role.KubeletClientCert, role.KubeletClientKey, "ca", client)
	n.leaf("front-proxy-client", role.FrontProxyClientCert, role.FrontProxyClientKey, "front-proxy-ca", client)
	n.leaf("apiserver-etcd-client", role.EtcdClientCert, role.EtcdClientKey, "etcd/ca", client)
	n.leaf("etcd/server", role.EtcdServerCert, role.EtcdServerKey, "etcd/ca", server, client)
	n.leaf("etcd/peer", role.EtcdPeerCert, role.EtcdPeerKey, "etcd/ca", server, client)
	n.leaf("etcd/healthcheck-client", role.EtcdHealthcheckCert, role.EtcdHealthcheckKey, "etcd/ca", client)
	for name, r := range map[string]string{
		"admin": role.AdminConf, "super-admin": role.SuperAdminConf,
		"controller-manager": role.ControllerManagerConf, "scheduler": role.SchedulerConf,
	} {
		n.kubeconfig(name, r)
	}
	n.kubelet()
	for name, command := range commands {
		n.put(manifests+name+".yaml", role.StaticPod, 0o600, manifest(name, command))
	}
	return n
}

// commands are the flags of kubeadm v1.37 that matter here.
var commands = map[string]string{
	"etcd": `--advertise-client-urls=https://10.0.0.11:2379 --cert-file=/etc/kubernetes/pki/etcd/server.crt
--initial-advertise-peer-urls=https://10.0.0.11:2380 --key-file=/etc/kubernetes/pki/etcd/server.key
--listen-client-urls=https://127.0.0.1:2379,https://10.0.0.11:2379 --peer-cert-file=/etc/kubernetes/pki/etcd/peer.crt
--peer-key-file=/etc/kubernetes/pki/etcd/peer.key --trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt`,
	"kube-apiserver": `--advertise-address=10.0.0.11 --client-ca-file=/etc/kubernetes/pki/ca.crt
--etcd-cafile=/etc/kubernetes/pki/etcd/ca.crt --etcd-certfile=/etc/kubernetes/pki/apiserver-etcd-client.crt
--etcd-keyfile=/etc/kubernetes/pki/apiserver-etcd-client.key --etcd-servers=https://127.0.0.1:2379
--kubelet-client-certificate=/etc/kubernetes/pki/apiserver-kubelet-client.crt
--kubelet-client-key=/etc/kubernetes/pki/apiserver-kubelet-client.key
--proxy-client-cert-file=/etc/kubernetes/pki/front-proxy-client.crt
--proxy-client-key-file=/etc/kubernetes/pki/front-proxy-client.key
--requestheader-client-ca-file=/etc/kubernetes/pki/front-proxy-ca.crt
--service-account-key-file=/etc/kubernetes/pki/sa.pub --service-account-signing-key-file=/etc/kubernetes/pki/sa.key
--service-cluster-ip-range=10.96.0.0/12,fd00::/108 --tls-cert-file=/etc/kubernetes/pki/apiserver.crt
--tls-private-key-file=/etc/kubernetes/pki/apiserver.key`,
	"kube-controller-manager": `--client-ca-file=/etc/kubernetes/pki/ca.crt --kubeconfig=/etc/kubernetes/controller-manager.conf
--cluster-signing-cert-file=/etc/kubernetes/pki/ca.crt --cluster-signing-key-file=/etc/kubernetes/pki/ca.key
--service-account-private-key-file=/etc/kubernetes/pki/sa.key`,
	"kube-scheduler": `--kubeconfig=/etc/kubernetes/scheduler.conf`,
}

func manifest(name, flags string) []byte {
	command, _ := json.Marshal(append([]string{name}, strings.Fields(flags)...))
	return fmt.Appendf(nil, "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: x/%s:v1.37.2\n    command: %s\n", name, command)
}

func (n *testNode) put(path, r string, mode fs.FileMode, data []byte) {
	n.files[path] = pkibundle.File{Path: path, Role: r, Mode: mode, Data: data}
}

// edit replaces text in a file that has it.
func (n *testNode) edit(path, old, new string) {
	n.t.Helper()
	f := n.files[path]
	if !bytes.Contains(f.Data, []byte(old)) {
		n.t.Fatalf("%s has no %q", path, old)
	}
	f.Data = bytes.ReplaceAll(f.Data, []byte(old), []byte(new))
	n.files[path] = f
}

func (n *testNode) change(path string, how func(*pkibundle.File)) {
	n.t.Helper()
	f, ok := n.files[path]
	if !ok {
		n.t.Fatalf("no %s", path)
	}
	how(&f)
	n.files[path] = f
}

func (n *testNode) drop(paths ...string) {
	n.t.Helper()
	for _, path := range paths {
		if _, ok := n.files[path]; !ok {
			n.t.Fatalf("no %s", path)
		}
		delete(n.files, path)
	}
}

// key makes a private key and gives its PEM, in PKCS#8.
func (n *testNode) key(name string) []byte {
	n.t.Helper()
	key := n.newKey(n.t)
	n.signers[name] = key
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(n.t, err)
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	n.hide(der, text)
	return text
}

// hide keeps what reports are searched for: a key in base64 as a file and as a kubeconfig have it, and in itself.
func (n *testNode) hide(der, text []byte) {
	body := base64.StdEncoding.EncodeToString(der)
	skip := min(24, len(body)/2) // the beginning says which kind of key it is, and is no secret
	n.secrets = append(n.secrets, body[skip:], base64.StdEncoding.EncodeToString(text)[40:])
	n.secrets = append(n.secrets, string(der[16:]), fmt.Sprintf("%x", der[16:]))
}

// sign issues a certificate from the template of a name.
func (n *testNode) sign(name string) []byte {
	n.t.Helper()
	parent := n.issued[n.issuer[name]]
	der, err := x509.CreateCertificate(rand.Reader, n.issued[name], parent, n.signers[name].Public(), n.signers[n.issuer[name]])
	must(n.t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// reissue changes the template of a certificate and writes it anew, with the same key.
func (n *testNode) reissue(name string, how func(*x509.Certificate)) {
	n.t.Helper()
	how(n.issued[name])
	data := n.sign(name)
	if f, ok := n.files["etc/kubernetes/"+name+".conf"]; ok {
		n.edit(f.Path, between(n.t, f.Data, "client-certificate-data: "), base64.StdEncoding.EncodeToString(data))
		return
	}
	n.change(pki+name+".crt", func(f *pkibundle.File) { f.Data = data })
}

// between gives what follows a word up to the end of the line.
func between(t testing.TB, data []byte, word string) string {
	t.Helper()
	_, rest, ok := strings.Cut(string(data), word)
	if !ok {
		t.Fatalf("no %q", word)
	}
	line, _, _ := strings.Cut(rest, "\n")
	return line
}

func (n *testNode) template(name string, ends time.Duration) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(n.issued) + 1)), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-hour), NotAfter: now.Add(ends), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
}

func (n *testNode) ca(name, certRole, keyRole string) {
	n.put(pki+name+".key", keyRole, 0o600, n.key(name))
	c := n.template(name, 10*year)
	c.IsCA, c.KeyUsage = true, c.KeyUsage|x509.KeyUsageCertSign
	n.issued[name], n.issuer[name] = c, name
	n.put(pki+name+".crt", certRole, 0o644, n.sign(name))
}

func (n *testNode) leaf(name, certRole, keyRole, ca string, usages ...x509.ExtKeyUsage) {
	n.put(pki+name+".key", keyRole, 0o600, n.key(name))
	c := n.template(name, year)
	c.ExtKeyUsage = usages
	c.DNSNames = []string{"cp1", "localhost", "kubernetes.default.svc", "api.example.org"}
	c.IPAddresses = []net.IP{{10, 0, 0, 11}, {127, 0, 0, 1}, {10, 96, 0, 1}}
	n.issued[name], n.issuer[name] = c, ca
	n.put(pki+name+".crt", certRole, 0o644, n.sign(name))
}

func (n *testNode) serviceAccount() {
	n.put(pki+"sa.key", role.ServiceAccount, 0o600, n.key("sa"))
	n.put(pki+"sa.pub", role.ServiceAccountPK, 0o600, n.public("sa"))
}

func (n *testNode) public(name string) []byte {
	der, err := x509.MarshalPKIXPublicKey(n.signers[name].Public())
	must(n.t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// kubeconfig has its certificate and key in itself.
func (n *testNode) kubeconfig(name, r string) {
	key := n.key(name)
	c := n.template(name, year)
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	n.issued[name], n.issuer[name] = c, "ca"
	n.put("etc/kubernetes/"+name+".conf", r, 0o600, n.kubeconfigText(fmt.Sprintf(
		"client-certificate-data: %s\n    client-key-data: %s\n", base64.StdEncoding.EncodeToString(n.sign(name)),
		base64.StdEncoding.EncodeToString(key),
	)))
}

func (n *testNode) kubeconfigText(credentials string) []byte {
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters:
- name: kubernetes
  cluster:
    certificate-authority-data: %s
    server: https://api.example.org:6443
contexts:
- name: me@kubernetes
  context: {cluster: kubernetes, user: me}
current-context: me@kubernetes
users:
- name: me
  user:
    %s`, base64.StdEncoding.EncodeToString(n.files[pki+"ca.crt"].Data), credentials)
}

// kubelet has files as after kubeadm's kubelet-finalize, with an older pair beside the one in use.
func (n *testNode) kubelet() {
	n.kubeletPair(dated, role.KubeletOwnClient, year)
	n.kubeletPair(kubelet+"pki/kubelet-client-2025-01-01-11-00-00.pem", role.KubeletOwnClient, -time.Minute)
	n.files[current] = pkibundle.File{Path: current, Role: role.KubeletOwnClient, Mode: 0o777, Link: "/" + dated}
	n.put("etc/kubernetes/kubelet.conf", role.KubeletConf, 0o600, n.kubeconfigText(
		"client-certificate: /"+current+"\n    client-key: /"+current+"\n"))
	n.put(kubelet+"pki/kubelet.key", role.KubeletServingKey, 0o600, n.key("serving"))
	n.issued["serving"], n.issuer["serving"] = n.template("cp1@1772362800", year), "serving"
	n.put(kubelet+"pki/kubelet.crt", role.KubeletServingCert, 0o644, n.sign("serving"))
	n.put(kubelet+"config.yaml", role.Kubelet, 0o644, []byte("kind: KubeletConfiguration\n"))
	n.put(kubelet+"instance-config.yaml", role.Kubelet, 0o644, []byte("kind: KubeletConfiguration\n"))
	n.put(kubelet+"kubeadm-flags.env", role.Kubelet, 0o644, []byte("KUBELET_KUBEADM_ARGS=\"\"\n"))
}

// kubeletPair is a certificate and its key in one file.
func (n *testNode) kubeletPair(path, r string, ends time.Duration) {
	key := n.key(path)
	c := n.template("system:node:cp1", ends)
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	n.issued[path], n.issuer[path] = c, "ca"
	n.put(path, r, 0o600, append(n.sign(path), key...))
}

// encrypt gives kube-apiserver an encryption configuration.
func (n *testNode) encrypt(provider string) {
	secret := make([]byte, 32)
	rand.Read(secret)
	text := base64.StdEncoding.EncodeToString(secret)
	n.secrets = append(n.secrets, text, string(secret), fmt.Sprintf("%x", secret))
	n.put("etc/kubernetes/enc/config.yaml", role.Encryption, 0o600, fmt.Appendf(nil, `apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - %s
  - identity: {}
`, strings.ReplaceAll(provider, "SECRET", text)))
	n.edit(manifests+"kube-apiserver.yaml", `"--advertise-address=`,
		`"--encryption-provider-config=/etc/kubernetes/enc/config.yaml","--advertise-address=`)
}

func (n *testNode) bundle() *pkibundle.Bundle {
	b := &pkibundle.Bundle{Omitted: n.omitted}
	for _, path := range slices.Sorted(maps.Keys(n.files)) {
		b.Files = append(b.Files, n.files[path])
	}
	return b
}

// check looks at the node, and at the report for what it must not show.
func (n *testNode) check(opts check.Options) *check.Report {
	n.t.Helper()
	r := check.Files(n.bundle(), now, opts)
	text, err := json.Marshal(r)
	must(n.t, err)
	noSecrets(n.t, n.secrets, string(text)+fmt.Sprintf("%+v", r))
	for _, f := range r.Findings {
		if f.Text == "" || f.Role == "" || f.Path == "" {
			n.t.Errorf("finding without text, role or path: %+v", f)
		}
	}
	return r
}

// noSecrets fails if a text has 12 bytes in a row of a secret.
func noSecrets(t testing.TB, secrets []string, text string) {
	t.Helper()
	const window = 12
	parts := map[string]bool{}
	for i := range len(text) - window + 1 {
		parts[text[i:i+window]] = true
	}
	for _, s := range secrets {
		for i := range len(s) - window + 1 {
			if parts[s[i:i+window]] {
				t.Fatalf("the report shows key material:\n%s", text)
			}
		}
	}
}
