package demonode

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"time"
)

const (
	authorityYears = 10 // kubeadm's CACertificateValidityPeriod
	leafYears      = 1  // kubeadm's CertificateValidityPeriod
	leafUsage      = x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature
)

// authority is a CA. Its key is unexported and a pointer, so that it prints as an address and JSON leaves it out.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newAuthority makes a self-signed CA.
func newAuthority(commonName string, now time.Time) (ca authority, certPEM, keyPEM []byte, err error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return authority{}, nil, nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: commonName},
		DNSNames:              []string{commonName},
		NotBefore:             now.UTC(),
		NotAfter:              now.UTC().AddDate(authorityYears, 0, 0),
		KeyUsage:              leafUsage | x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return authority{}, nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return authority{}, nil, nil, err
	}
	return authority{cert, key}, encodePEM("CERTIFICATE", der), keyPEM, nil
}

// issue signs a certificate for a new key and returns both as PEM. The validity begins with the CA's.
func (ca authority) issue(template x509.Certificate) (certPEM, keyPEM []byte, err error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	template.NotBefore = ca.cert.NotBefore
	template.NotAfter = ca.cert.NotBefore.AddDate(leafYears, 0, 0)
	template.KeyUsage = leafUsage
	template.BasicConstraintsValid = true
	der, err := x509.CreateCertificate(rand.Reader, &template, ca.cert, key.Public(), ca.key)
	if err != nil {
		return nil, nil, err
	}
	return encodePEM("CERTIFICATE", der), keyPEM, nil
}

// newKey makes a key as kubeadm does with encryptionAlgorithm ECDSA-P256.
func newKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return key, encodePEM("EC PRIVATE KEY", der), nil
}

func encodePEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
