package mistakes

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"testing"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/tlsutil"
)

// expired writes a client certificate of a CA that was good until 2021, and its key, as cert + ".crt" and ".key".
func expired(t testing.TB, ca, cert string) {
	t.Helper()
	pair, err := tlsutil.NewCert(ca+".crt", ca+".key", nil)
	must(t, err)
	issuer, err := x509.ParseCertificate(pair.Certificate[0])
	must(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kubernetes-admin", Organization: []string{"system:masters"}},
		NotBefore: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC), NotAfter: time.Date(2021, 1, 2, 3, 4, 5, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), pair.PrivateKey)
	must(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	for name, block := range map[string]*pem.Block{
		cert + ".crt": {Type: "CERTIFICATE", Bytes: der}, cert + ".key": {Type: "PRIVATE KEY", Bytes: secret},
	} {
		must(t, os.WriteFile(name, pem.EncodeToMemory(block), 0o600))
	}
}
