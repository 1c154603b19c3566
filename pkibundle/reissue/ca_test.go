package reissue

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/internal/material"
)

// now is when all that is tested happens.
var now = time.Date(2026, 7, 31, 12, 0, 0, 0, time.UTC)

const pki = "etc/kubernetes/pki/"

func p256(t testing.TB) crypto.Signer {
	t.Helper()
	return made[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
}

func p384(t testing.TB) crypto.Signer {
	t.Helper()
	return made[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
}

func rsa2048(t testing.TB) crypto.Signer {
	t.Helper()
	return made[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 2048))
}

func edwards(t testing.TB) crypto.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return made[ed25519.PrivateKey](t)(key, err)
}

func made[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// caTemplate is a CA as kubeadm makes it, a year ago.
func caTemplate(commonName string) *x509.Certificate {
	return &x509.Certificate{
		Subject:               pkix.Name{CommonName: commonName},
		NotBefore:             now.AddDate(-1, 0, 0),
		NotAfter:              now.AddDate(9, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		DNSNames:              []string{commonName},
	}
}

func selfSigned(t testing.TB, template *x509.Certificate, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func pkcs8(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// sharedFiles are the eight of a cluster whose CAs have keys of one kind.
func sharedFiles(t testing.TB, newKey func(testing.TB) crypto.Signer) *pkibundle.Bundle {
	t.Helper()
	b := &pkibundle.Bundle{}
	for _, ca := range []struct{ at, role, name string }{
		{"ca", "cluster-ca", "kubernetes"},
		{"etcd/ca", "etcd-ca", "etcd-ca"},
		{"front-proxy-ca", "front-proxy-ca", "front-proxy-ca"},
	} {
		key := newKey(t)
		cert := selfSigned(t, caTemplate(ca.name), key)
		b.Files = append(b.Files,
			pkibundle.File{Path: pki + ca.at + ".crt", Role: ca.role + "-cert", Mode: 0o644, Data: cert},
			pkibundle.File{Path: pki + ca.at + ".key", Role: ca.role + "-key", Mode: 0o600, Data: pkcs8(t, key)},
		)
	}
	readers := pkibundle.Owner{GID: 7}
	b.Files = append(b.Files,
		pkibundle.File{Path: pki + "sa.key", Role: "service-account-key", Mode: 0o640, Owner: readers, Data: []byte("k")},
		pkibundle.File{Path: pki + "sa.pub", Role: "service-account-pub", Mode: 0o600, Data: []byte("p")},
	)
	return b
}

// file gives the one at a path.
func file(t testing.TB, b *pkibundle.Bundle, path string) *pkibundle.File {
	t.Helper()
	for i := range b.Files {
		if b.Files[i].Path == path {
			return &b.Files[i]
		}
	}
	t.Fatalf("there is no %s", path)
	return nil
}

// without gives a bundle that lacks the files of some paths.
func without(b *pkibundle.Bundle, paths ...string) *pkibundle.Bundle {
	rest := &pkibundle.Bundle{}
next:
	for _, f := range b.Files {
		for _, p := range paths {
			if f.Path == p {
				continue next
			}
		}
		rest.Files = append(rest.Files, f)
	}
	return rest
}

func configAt(t testing.TB, b *pkibundle.Bundle, path string) *material.Kubeconfig {
	t.Helper()
	config, err := material.ParseKubeconfig(file(t, b, path).Data)
	if err != nil {
		t.Fatal(err)
	}
	return config
}
