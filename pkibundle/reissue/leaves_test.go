package reissue

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/internal/material"
	"sigs.k8s.io/yaml"
)

func plainNode() Node {
	return Node{Name: "cp9", AdvertiseAddress: netip.MustParseAddr("10.1.2.3"), Version: "v1.37.2"}
}

func reissued(t testing.TB, shared *pkibundle.Bundle, node Node) *pkibundle.Bundle {
	t.Helper()
	b, err := Leaves(shared, node, now)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// wanted is what kubeadm v1.37 init puts into a certificate of a node cp9 at 10.1.2.3.
type wanted struct {
	path, role, ca, subject string
	usages                  []x509.ExtKeyUsage
	names                   string
}

var (
	client = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	server = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	both   = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}

	pairs = []wanted{
		{pki + "apiserver", "apiserver", pki + "ca", "CN=kube-apiserver", server,
			"10.1.2.3 10.96.0.1 cp9 kubernetes kubernetes.default kubernetes.default.svc kubernetes.default.svc.cluster.local"},
		{pki + "apiserver-kubelet-client", "apiserver-kubelet-client", pki + "ca", "CN=kube-apiserver-kubelet-client", client, ""},
		{pki + "front-proxy-client", "front-proxy-client", pki + "front-proxy-ca", "CN=front-proxy-client", client, ""},
		{pki + "etcd/server", "etcd-server", pki + "etcd/ca", "CN=cp9", both, "10.1.2.3 127.0.0.1 ::1 cp9 localhost"},
		{pki + "etcd/peer", "etcd-peer", pki + "etcd/ca", "CN=cp9", both, "10.1.2.3 127.0.0.1 ::1 cp9 localhost"},
		{pki + "etcd/healthcheck-client", "etcd-healthcheck-client", pki + "etcd/ca",
			"CN=kube-etcd-healthcheck-client", client, ""},
		{pki + "apiserver-etcd-client", "apiserver-etcd-client", pki + "etcd/ca", "CN=kube-apiserver-etcd-client", client, ""},
	}
	configs = []struct{ path, role, subject string }{
		{"etc/kubernetes/admin.conf", "admin", "CN=kubernetes-admin,O=kubeadm:cluster-admins"},
		{"etc/kubernetes/super-admin.conf", "super-admin", "CN=kubernetes-super-admin,O=system:masters"},
		{"etc/kubernetes/kubelet.conf", "kubelet", "CN=system:node:cp9,O=system:nodes"},
		{"etc/kubernetes/controller-manager.conf", "controller-manager", "CN=system:kube-controller-manager"},
		{"etc/kubernetes/scheduler.conf", "scheduler", "CN=system:kube-scheduler"},
	}
)

func TestLeavesAreThoseOfKubeadm(t *testing.T) {
	for kind, c := range map[string]struct {
		newKey func(testing.TB) crypto.Signer
		block  string
		usage  x509.KeyUsage
	}{
		"RSA":         {rsa2048, "RSA PRIVATE KEY", x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment},
		"ECDSA P-256": {p256, "EC PRIVATE KEY", x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment},
		"ECDSA P-384": {p384, "EC PRIVATE KEY", x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment},
		"Ed25519":     {edwards, "PRIVATE KEY", x509.KeyUsageDigitalSignature},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			shared := sharedFiles(t, c.newKey)
			b := reissued(t, shared, plainNode())
			if got, want := len(b.Files), len(shared.Files)+2*len(pairs)+len(configs); got != want {
				t.Errorf("there are %d files, want %d", got, want)
			}
			for _, w := range pairs {
				cert, key := file(t, b, w.path+".crt"), file(t, b, w.path+".key")
				hasForm(t, cert, w.role+"-cert", 0o644)
				hasForm(t, key, w.role+"-key", 0o600)
				goodPair(t, shared, w, cert.Data, key.Data, c.block, c.usage)
			}
			for _, w := range configs {
				f := file(t, b, w.path)
				hasForm(t, f, w.role+"-kubeconfig", 0o600)
				config := configAt(t, b, w.path)
				if config.Server != "https://10.1.2.3:6443" || !bytes.Equal(config.CA, file(t, shared, pki+"ca.crt").Data) {
					t.Errorf("%s: server %s, and the CA is %.30q", w.path, config.Server, config.CA)
				}
				in := wanted{w.path, "", pki + "ca", w.subject, client, ""}
				goodPair(t, shared, in, config.Cert, config.Key, c.block, c.usage)
			}
		})
	}
}

func hasForm(t *testing.T, f *pkibundle.File, role string, mode fs.FileMode) {
	t.Helper()
	if f.Role != role || f.Mode != mode || f.Owner != (pkibundle.Owner{User: "root", Group: "root"}) {
		t.Errorf("%s: role %s, mode %v, owner %v", f.Path, f.Role, f.Mode, f.Owner)
	}
}

// goodPair holds a certificate and its key against what is wanted, and against the CA.
func goodPair(t *testing.T, shared *pkibundle.Bundle, w wanted, certPEM, keyPEM []byte, block string, usage x509.KeyUsage) {
	t.Helper()
	certs, err := material.Certificates(certPEM)
	if err != nil || len(certs) != 1 {
		t.Fatalf("%s: %d certificates: %v", w.path, len(certs), err)
	}
	cert := certs[0]
	key, err := material.PrivateKey(keyPEM)
	if err != nil {
		t.Fatalf("%s: %v", w.path, err)
	}
	if !material.Same(key.Public(), cert.PublicKey) {
		t.Errorf("%s: the key is of another certificate", w.path)
	}
	if p, rest := pem.Decode(keyPEM); p.Type != block || len(rest) > 0 {
		t.Errorf("%s: the key is a %s", w.path, p.Type)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(file(t, shared, w.ca+".crt").Data)
	if _, err := cert.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: w.usages}); err != nil {
		t.Errorf("%s: %v", w.path, err)
	}
	ca, err := material.Certificates(file(t, shared, w.ca+".crt").Data)
	if err != nil {
		t.Fatal(err)
	}
	if size := keySize(t, cert); cert.SignatureAlgorithm != ca[0].SignatureAlgorithm || size != keySize(t, ca[0]) {
		t.Errorf("%s: %v, %d bytes, and its CA has %v", w.path, cert.SignatureAlgorithm, size, ca[0].SignatureAlgorithm)
	}
	if got := cert.Subject.String(); got != w.subject {
		t.Errorf("%s: subject %s, want %s", w.path, got, w.subject)
	}
	if !slices.Equal(cert.ExtKeyUsage, w.usages) || cert.KeyUsage != usage || cert.IsCA || !cert.BasicConstraintsValid {
		t.Errorf("%s: usages %v and %b, CA %t", w.path, cert.ExtKeyUsage, cert.KeyUsage, cert.IsCA)
	}
	if got := namesOf(cert); got != w.names {
		t.Errorf("%s: names %s, want %s", w.path, got, w.names)
	}
	if !cert.NotBefore.Equal(now.Add(-5*time.Minute)) || !cert.NotAfter.Equal(now.Add(365*24*time.Hour)) {
		t.Errorf("%s: from %v to %v", w.path, cert.NotBefore, cert.NotAfter)
	}
}

// keySize is how long the public key is when encoded, which differs from kind to kind.
func keySize(t *testing.T, c *x509.Certificate) int {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(c.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return len(der)
}

func namesOf(c *x509.Certificate) string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func certAt(t testing.TB, b *pkibundle.Bundle, path string) *x509.Certificate {
	t.Helper()
	data := file(t, b, path).Data
	if strings.HasSuffix(path, ".conf") {
		data = configAt(t, b, path).Cert
	}
	certs, err := material.Certificates(data)
	if err != nil {
		t.Fatal(err)
	}
	return certs[0]
}

func TestSharedFilesAreCopied(t *testing.T) {
	shared := sharedFiles(t, p256)
	manifest := pkibundle.File{Path: "etc/kubernetes/manifests/etcd.yaml", Role: "static-pod", Data: []byte("old")}
	shared.Files = append(shared.Files, manifest)
	shared.Directories = []pkibundle.Directory{
		{Path: "etc", Mode: 0o755}, {Path: "etc/kubernetes", Mode: 0o755}, {Path: "etc/kubernetes/manifests", Mode: 0o755},
		{Path: "etc/kubernetes/pki", Mode: 0o700, Owner: pkibundle.Owner{UID: 5}},
	}
	b := reissued(t, shared, plainNode())
	for _, f := range shared.Files[:8] {
		got := file(t, b, f.Path)
		if got.Role != f.Role || got.Mode != f.Mode || got.Owner != f.Owner || !bytes.Equal(got.Data, f.Data) {
			t.Errorf("%v became %v", f, got)
		}
	}
	if !slices.IsSortedFunc(b.Files, func(a, b pkibundle.File) int { return strings.Compare(a.Path, b.Path) }) {
		t.Error("the files are not sorted")
	}
	if got := b.With("static-pod"); len(got) > 0 {
		t.Errorf("%v of the old node is there", got)
	}
	root := pkibundle.Owner{User: "root", Group: "root"}
	if want := []pkibundle.Directory{
		shared.Directories[0], shared.Directories[1], shared.Directories[3],
		{Path: "etc/kubernetes/pki/etcd", Mode: 0o755, Owner: root},
	}; !slices.Equal(b.Directories, want) {
		t.Errorf("the directories are %v, want %v", b.Directories, want)
	}
	b.Clear()
	if f := file(t, shared, pki+"ca.key"); !bytes.HasPrefix(f.Data, []byte("-----BEGIN")) {
		t.Error("clearing the result clears what was given")
	}
}

// Certificates lie beside the CA, wherever that is; kubeconfigs do not.
func TestOtherDirectory(t *testing.T) {
	shared := sharedFiles(t, p256)
	for i := range shared.Files {
		shared.Files[i].Path = strings.Replace(shared.Files[i].Path, pki, "var/lib/certs/", 1)
	}
	b := reissued(t, shared, plainNode())
	for _, path := range []string{
		"var/lib/certs/apiserver.crt", "var/lib/certs/etcd/server.key", "var/lib/certs/apiserver-etcd-client.key",
		"var/lib/certs/front-proxy-client.crt", "etc/kubernetes/admin.conf",
	} {
		file(t, b, path)
	}
}

func TestGroupsOfVersions(t *testing.T) {
	shared := sharedFiles(t, edwards)
	for version, want := range map[string]struct{ admin, kubelet string }{
		"v1.22.0":        {"O=system:masters", "O=system:masters"},
		"1.28":           {"O=system:masters", "O=system:masters"},
		"v1.29.0-rc.1":   {"O=kubeadm:cluster-admins", "O=kubeadm:cluster-admins"},
		"v1.36.3":        {"O=kubeadm:cluster-admins", "O=kubeadm:cluster-admins"},
		"v1.37.0":        {"O=kubeadm:cluster-admins", ""},
		"v1.40.1-custom": {"O=kubeadm:cluster-admins", ""},
	} {
		node := plainNode()
		node.Version = version
		b := reissued(t, shared, node)
		if got := certAt(t, b, "etc/kubernetes/admin.conf").Subject.String(); got != join("CN=kubernetes-admin", want.admin) {
			t.Errorf("%s: admin.conf is of %s, want %s", version, got, want.admin)
		}
		got := certAt(t, b, pki+"apiserver-kubelet-client.crt").Subject.String()
		if got != join("CN=kube-apiserver-kubelet-client", want.kubelet) {
			t.Errorf("%s: kubelets are shown %s, want %s", version, got, want.kubelet)
		}
		if super := len(b.With("super-admin-kubeconfig")) > 0; super == (want.admin == "O=system:masters") {
			t.Errorf("%s: that there is a super-admin.conf is %t", version, super)
		}
	}
}

func join(a, b string) string { return strings.TrimSuffix(a+","+b, ",") }

func TestNodeInItsCertificates(t *testing.T) {
	shared := sharedFiles(t, edwards)
	node := Node{
		Name: "new.example.com", AdvertiseAddress: netip.MustParseAddr("fd00::7"), Version: "v1.37.2",
		BindPort: 8443, ControlPlaneEndpoint: "api.example.com", ServiceSubnet: netip.MustParsePrefix("fd01::abcd/112"),
		DNSDomain: "k8s.example.com", ClusterName: "prod",
		APIServerNames:  []string{"*.api.example.com", "192.0.2.1", "new.example.com", "::ffff:192.0.2.1"},
		EtcdServerNames: []string{"etcd.example.com"}, EtcdPeerNames: []string{"192.0.2.2"},
		Validity: 90 * 24 * time.Hour,
	}
	b := reissued(t, shared, node)
	for path, want := range map[string]string{
		pki + "apiserver.crt": "*.api.example.com 192.0.2.1 api.example.com fd00::7 fd01::1 kubernetes kubernetes.default " +
			"kubernetes.default.svc kubernetes.default.svc.k8s.example.com new.example.com",
		pki + "etcd/server.crt": "127.0.0.1 ::1 etcd.example.com fd00::7 localhost new.example.com",
		pki + "etcd/peer.crt":   "127.0.0.1 192.0.2.2 ::1 fd00::7 localhost new.example.com",
	} {
		cert := certAt(t, b, path)
		if got := namesOf(cert); got != want {
			t.Errorf("%s: names %s, want %s", path, got, want)
		}
		if !cert.NotAfter.Equal(now.Add(node.Validity)) {
			t.Errorf("%s: until %v", path, cert.NotAfter)
		}
	}
	for path, want := range map[string]struct{ server, context string }{
		"etc/kubernetes/admin.conf":              {"https://api.example.com:8443", "kubernetes-admin@prod"},
		"etc/kubernetes/super-admin.conf":        {"https://api.example.com:8443", "kubernetes-super-admin@prod"},
		"etc/kubernetes/kubelet.conf":            {"https://api.example.com:8443", "system:node:new.example.com@prod"},
		"etc/kubernetes/controller-manager.conf": {"https://[fd00::7]:8443", "system:kube-controller-manager@prod"},
		"etc/kubernetes/scheduler.conf":          {"https://[fd00::7]:8443", "system:kube-scheduler@prod"},
	} {
		var raw struct {
			Current string `json:"current-context"`
		}
		if err := yaml.Unmarshal(file(t, b, path).Data, &raw); err != nil {
			t.Fatal(err)
		}
		if config := configAt(t, b, path); config.Server != want.server || raw.Current != want.context {
			t.Errorf("%s: %s at %s, want %v", path, raw.Current, config.Server, want)
		}
	}
	node.ControlPlaneEndpoint = "[fd00::100]:443"
	b = reissued(t, shared, node)
	if got := configAt(t, b, "etc/kubernetes/admin.conf").Server; got != "https://[fd00::100]:443" {
		t.Errorf("admin.conf leads to %s", got)
	}
	if got := namesOf(certAt(t, b, pki+"apiserver.crt")); !strings.Contains(got, " fd00::100 ") {
		t.Errorf("the endpoint is not among %s", got)
	}
}

func TestExternalEtcd(t *testing.T) {
	shared := without(sharedFiles(t, p256), pki+"etcd/ca.key")
	shared.Files = append(shared.Files,
		pkibundle.File{Path: pki + "apiserver-etcd-client.crt", Role: "apiserver-etcd-client-cert", Data: []byte("theirs")},
		pkibundle.File{Path: pki + "apiserver-etcd-client.key", Role: "apiserver-etcd-client-key", Data: []byte("theirs, too")},
	)
	node := plainNode()
	node.ExternalEtcd = true
	b := reissued(t, shared, node)
	if got := string(file(t, b, pki+"apiserver-etcd-client.key").Data); got != "theirs, too" {
		t.Errorf("the client key is now %.30s", got)
	}
	file(t, b, pki+"apiserver-etcd-client.crt")
	file(t, b, pki+"etcd/ca.crt")
	for _, role := range []string{"etcd-server-cert", "etcd-peer-cert", "etcd-healthcheck-client-cert"} {
		if got := b.With(role); len(got) > 0 {
			t.Errorf("there is %v", got)
		}
	}
	// The other way round the old pair is replaced.
	shared = sharedFiles(t, p256)
	old := pkibundle.File{Path: pki + "apiserver-etcd-client.crt", Role: "apiserver-etcd-client-cert"}
	shared.Files = append(shared.Files, old)
	if got := reissued(t, shared, plainNode()).With("apiserver-etcd-client-cert"); len(got) != 1 || len(got[0].Data) == 0 {
		t.Errorf("there are %v", got)
	}
}
