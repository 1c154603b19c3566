package pkichecks

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/check"
)

const (
	pki   = "etc/kubernetes/pki/"
	admin = "etc/kubernetes/admin.conf"
	dated = "var/lib/kubelet/pki/kubelet-client-2026-01-01-00-00-00.pem"
)

// defects are planted into the files of a real node one at a time.
var defects = []struct {
	name    string
	problem check.Problem
	path    string
	plant   func(t *testing.T, root string)
}{
	{"key of another certificate", check.KeyMismatch, pki + "apiserver.key", func(t *testing.T, root string) {
		write(t, filepath.Join(root, pki, "apiserver.key"), read(t, root, pki+"apiserver-kubelet-client.key"))
	}},
	{"key of another CA", check.KeyMismatch, pki + "ca.key", func(t *testing.T, root string) {
		write(t, filepath.Join(root, pki, "ca.key"), read(t, root, pki+"etcd/ca.key"))
	}},
	{"sa.pub of another key", check.KeyMismatch, pki + "sa.pub", func(t *testing.T, root string) {
		write(t, filepath.Join(root, pki, "sa.pub"), newPublicKey(t))
	}},
	{"certificate of another CA", check.WrongSigner, pki + "apiserver-etcd-client.crt", func(t *testing.T, root string) {
		reissue(t, root, "apiserver-etcd-client", "ca", func(*x509.Certificate) {})
	}},
	{"CA that may not sign", check.NotCA, pki + "front-proxy-ca.crt", func(t *testing.T, root string) {
		reissue(t, root, "front-proxy-ca", "front-proxy-ca", func(c *x509.Certificate) {
			c.KeyUsage = x509.KeyUsageDigitalSignature
		})
	}},
	{"server's certificate for clients", check.WrongUsage, pki + "apiserver.crt", func(t *testing.T, root string) {
		reissue(t, root, "apiserver", "ca", func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		})
	}},
	{"not for the advertise address", check.MissingName, pki + "apiserver.crt", func(t *testing.T, root string) {
		reissue(t, root, "apiserver", "ca", func(c *x509.Certificate) { c.IPAddresses = []net.IP{{10, 96, 0, 1}} })
	}},
	{"not for the service's address", check.MissingName, pki + "apiserver.crt", func(t *testing.T, root string) {
		reissue(t, root, "apiserver", "ca", func(c *x509.Certificate) { c.IPAddresses = []net.IP{{10, 77, 0, 11}} })
	}},
	{"not for the service's name", check.MissingName, pki + "apiserver.crt", func(t *testing.T, root string) {
		reissue(t, root, "apiserver", "ca", func(c *x509.Certificate) { c.DNSNames = []string{"cp1"} })
	}},
	{"not for the peers", check.MissingName, pki + "etcd/peer.crt", func(t *testing.T, root string) {
		reissue(t, root, "etcd/peer", "etcd/ca", func(c *x509.Certificate) { c.IPAddresses = []net.IP{{127, 0, 0, 1}} })
	}},
	{"expired", check.Expired, pki + "front-proxy-client.crt", func(t *testing.T, root string) {
		reissue(t, root, "front-proxy-client", "front-proxy-ca", func(c *x509.Certificate) {
			c.NotAfter = time.Now().Add(-time.Minute)
		})
	}},
	{"not yet valid", check.NotYetValid, pki + "front-proxy-client.crt", func(t *testing.T, root string) {
		reissue(t, root, "front-proxy-client", "front-proxy-ca", func(c *x509.Certificate) {
			c.NotBefore = time.Now().Add(time.Hour)
		})
	}},
	{"expiring", check.Expiring, pki + "etcd/server.crt", func(t *testing.T, root string) {
		reissue(t, root, "etcd/server", "etcd/ca", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(24 * time.Hour) })
	}},
	{"kubeconfig of another cluster", check.OtherCA, admin, func(t *testing.T, root string) {
		conf := read(t, root, admin)
		other := base64.StdEncoding.EncodeToString(read(t, root, pki+"etcd/ca.crt"))
		edit(t, root, admin, line(t, conf, "certificate-authority-data: "), other)
	}},
	{"kubeconfig with a key of another", check.KeyMismatch, admin, func(t *testing.T, root string) {
		conf, other := read(t, root, admin), read(t, root, "etc/kubernetes/scheduler.conf")
		key := line(t, other, "client-key-data: ")
		edit(t, root, admin, line(t, conf, "client-key-data: "), key)
	}},
	{"kubelet's key of another", check.KeyMismatch, dated, func(t *testing.T, root string) {
		pair := read(t, root, dated)
		cert, _, _ := bytes.Cut(pair, []byte("-----BEGIN RSA"))
		write(t, filepath.Join(root, dated), append(cert, read(t, root, pki+"apiserver.key")...))
	}},
	{"broken certificate", check.Unparsable, pki + "etcd/server.crt", func(t *testing.T, root string) {
		cert := read(t, root, pki+"etcd/server.crt")
		write(t, filepath.Join(root, pki, "etcd/server.crt"), cert[:len(cert)/2])
	}},
	{"broken key", check.Unparsable, pki + "sa.key", func(t *testing.T, root string) {
		key := read(t, root, pki+"sa.key")
		write(t, filepath.Join(root, pki, "sa.key"), key[:len(key)/2])
	}},
	{"broken encryption config", check.BadEncryption, bed.EncryptionConfig, func(t *testing.T, root string) {
		edit(t, root, bed.EncryptionConfig, "secret: ", "secret: AAAA")
	}},
	{"encryption by a KMS", check.NeedsKMS, bed.EncryptionConfig, func(t *testing.T, root string) {
		edit(t, root, bed.EncryptionConfig, "- identity: {}",
			"- kms: {apiVersion: v2, name: vault, endpoint: 'unix:///run/kms.sock'}")
	}},
	{"key for all to read", check.LooseMode, pki + "ca.key", func(t *testing.T, root string) {
		must(t, os.Chmod(filepath.Join(root, pki, "ca.key"), 0o644))
	}},
	{"kubeconfig for all to read", check.LooseMode, admin, func(t *testing.T, root string) {
		must(t, os.Chmod(filepath.Join(root, admin), 0o644))
	}},
}

func read(t *testing.T, root, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, path))
	must(t, err)
	return data
}

// write keeps the mode of a file that is there. A new one is the owner's alone.
func write(t *testing.T, file string, data []byte) {
	t.Helper()
	must(t, os.WriteFile(file, data, 0o600))
}

// edit replaces text that a file has.
func edit(t *testing.T, root, path, old, new string) {
	t.Helper()
	data := read(t, root, path)
	if !bytes.Contains(data, []byte(old)) {
		t.Fatalf("%s has not what is to be replaced", path)
	}
	write(t, filepath.Join(root, path), bytes.Replace(data, []byte(old), []byte(new), 1))
}

// copyNode copies what a bundle takes, with modes and links.
func copyNode(t *testing.T, root string) string {
	t.Helper()
	to := t.TempDir()
	for _, dir := range []string{"etc/kubernetes", "var/lib/kubelet"} {
		must(t, os.MkdirAll(filepath.Join(to, filepath.Dir(dir)), 0o755))
		if out, err := exec.Command("cp", "-a", filepath.Join(root, dir), filepath.Join(to, dir)).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return to
}

// reissue signs a certificate of kubeadm's anew, for the same key, with a change.
func reissue(t *testing.T, root, name, ca string, how func(*x509.Certificate)) {
	t.Helper()
	file := filepath.Join(root, pki, name+".crt")
	old, parent := certificate(t, root, name), certificate(t, root, ca)
	block, _ := pem.Decode(read(t, root, pki+ca+".key"))
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	must(t, err)
	how(old)
	der, err := x509.CreateCertificate(rand.Reader, old, parent, old.PublicKey, key)
	must(t, err)
	write(t, file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func certificate(t *testing.T, root, name string) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(read(t, root, pki+name+".crt"))
	c, err := x509.ParseCertificate(block.Bytes)
	must(t, err)
	return c
}

func newPublicKey(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// line gives what follows a word up to the end of the line, and field what that is in base64.
func line(t *testing.T, data []byte, word string) string {
	t.Helper()
	_, rest, ok := strings.Cut(string(data), word)
	if !ok {
		t.Fatalf("no %q", word)
	}
	rest, _, _ = strings.Cut(rest, "\n")
	return rest
}

func field(t *testing.T, data []byte, word string) []byte {
	t.Helper()
	value, err := base64.StdEncoding.DecodeString(line(t, data, word))
	must(t, err)
	return value
}

// noKeys fails if a text has 20 bytes in a row of a private key of the bundle, as a file or a kubeconfig has it, or of the
// encryption configuration.
func noKeys(t *testing.T, b *pkibundle.Bundle, text string) {
	t.Helper()
	const window = 20
	parts := map[string]bool{}
	for i := range len(text) - window + 1 {
		parts[text[i:i+window]] = true
	}
	for _, f := range b.Files {
		secret := ""
		switch {
		case f.Path == bed.EncryptionConfig:
			_, secret, _ = strings.Cut(string(f.Data), "secret: ")
		case bytes.Contains(f.Data, []byte("client-key-data: ")):
			secret = line(t, f.Data, "client-key-data: ")
		case bytes.Contains(f.Data, []byte("PRIVATE KEY-----")):
			_, secret, _ = strings.Cut(string(f.Data), "PRIVATE KEY-----")
		}
		for i := range max(0, len(secret)-window+1) {
			if parts[secret[i:i+window]] {
				t.Fatalf("the report shows a part of %s:\n%s", f.Path, text)
			}
		}
	}
}
