// Package material reads certificates, keys and kubeconfigs. Its errors never hold what it read.
package material

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

var (
	errNoCertificate = errors.New("it holds no certificate in PEM")
	errNoKey         = errors.New("it holds no private key in PEM")
	errNoPublicKey   = errors.New("it holds no public key in PEM")
	errBadKey        = errors.New("its private key cannot be parsed") // the errors of crypto/x509 may show parts
	errEncryptedKey  = errors.New("its private key has a passphrase, which no part of Kubernetes can enter")
)

// Certificates reads all that are in a file. There is at least one, or an error.
func Certificates(data []byte) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("its certificate %d cannot be parsed", len(found)+1)
		}
		found = append(found, c)
	}
	if len(found) == 0 {
		return nil, errNoCertificate
	}
	return found, nil
}

// PrivateKey reads the first that is in a file: PKCS#1, SEC 1 or PKCS#8, of RSA, ECDSA or Ed25519.
func PrivateKey(data []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "ENCRYPTED PRIVATE KEY" || strings.HasSuffix(block.Type, "PRIVATE KEY") && block.Headers["DEK-Info"] != "" {
			return nil, errEncryptedKey
		}
		if key, ok := parsePrivate(block); ok {
			clear(block.Bytes)
			if key == nil {
				return nil, errBadKey
			}
			return key, nil
		}
	}
	return nil, errNoKey
}

// parsePrivate reads a block; ok says that it is one of a private key, and key is nil if it is a bad one.
func parsePrivate(block *pem.Block) (key crypto.Signer, ok bool) {
	var parsed any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		parsed, err = x509.ParseECPrivateKey(block.Bytes)
	case "PRIVATE KEY":
		parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	default:
		return nil, false
	}
	if err != nil {
		return nil, true
	}
	key, _ = parsed.(crypto.Signer) // X25519 signs nothing
	return key, true
}

// PublicKeys reads all that are in a file, as kube-apiserver does (k8s.io/client-go/util/keyutil): public keys, and those of
// certificates and private keys.
func PublicKeys(data []byte) ([]crypto.PublicKey, error) {
	var found []crypto.PublicKey
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		var key crypto.PublicKey
		var err error
		switch block.Type {
		case "PUBLIC KEY":
			key, err = x509.ParsePKIXPublicKey(block.Bytes)
		case "RSA PUBLIC KEY":
			key, err = x509.ParsePKCS1PublicKey(block.Bytes)
		case "CERTIFICATE":
			var c *x509.Certificate
			if c, err = x509.ParseCertificate(block.Bytes); err == nil {
				key = c.PublicKey
			}
		default:
			private, ok := parsePrivate(block)
			clear(block.Bytes)
			if !ok {
				continue
			}
			if private == nil {
				return nil, errBadKey
			}
			key = private.Public()
		}
		if err != nil {
			return nil, fmt.Errorf("its public key %d cannot be parsed", len(found)+1)
		}
		found = append(found, key)
	}
	if len(found) == 0 {
		return nil, errNoPublicKey
	}
	return found, nil
}

// Same says whether two public keys are equal.
func Same(a, b crypto.PublicKey) bool {
	key, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(b)
}
