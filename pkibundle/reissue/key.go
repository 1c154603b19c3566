package reissue

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

// newKey makes one of the kind of a CA's, and says what a certificate may use it for. kubeadm allows encipherment for
// ECDSA too, and so it is here; with Ed25519, which kubeadm does not know, RFC 8410 forbids it.
func newKey(like crypto.PublicKey) (crypto.Signer, x509.KeyUsage, error) {
	usage := x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	switch ca := like.(type) {
	case *rsa.PublicKey:
		key, err := rsa.GenerateKey(rand.Reader, rsaSize(ca.N.BitLen()))
		return key, usage, err
	case *ecdsa.PublicKey:
		if ca.Curve == elliptic.P224() {
			return nil, 0, fmt.Errorf("the key of the CA is on curve P-224, which TLS has no name for: exchange the CA")
		}
		key, err := ecdsa.GenerateKey(ca.Curve, rand.Reader)
		return key, usage, err
	case ed25519.PublicKey:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, x509.KeyUsageDigitalSignature, err
	default:
		return nil, 0, fmt.Errorf("the key of the CA is a %T: want RSA, ECDSA or Ed25519", like)
	}
}

// rsaSize is how many bits a key has whose CA's has so many: between the least and the most that kubeadm makes.
func rsaSize(ca int) int { return min(max(ca, 2048), 4096) }

// encodeKey writes PEM as kubeadm does (MarshalPrivateKeyToPEM in k8s.io/client-go/util/keyutil): PKCS#1 and SEC 1, and
// PKCS#8 for Ed25519, which has no older form.
func encodeKey(key crypto.Signer) ([]byte, error) {
	var block pem.Block
	var err error
	switch key := key.(type) {
	case *rsa.PrivateKey:
		block = pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	case *ecdsa.PrivateKey:
		block.Type = "EC PRIVATE KEY"
		block.Bytes, err = x509.MarshalECPrivateKey(key)
	default:
		block.Type = "PRIVATE KEY"
		block.Bytes, err = x509.MarshalPKCS8PrivateKey(key)
	}
	if err != nil {
		return nil, fmt.Errorf("encode its key: %w", err)
	}
	defer clear(block.Bytes)
	return pem.EncodeToMemory(&block), nil
}
