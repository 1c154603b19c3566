package reissue

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"path"
	"strings"
	"time"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/internal/material"
)

// ErrNoCAKey says that the key of a CA is not in the bundle, as on a node whose CA is kept elsewhere. The error that
// wraps it names what cannot be made: have the CA sign it, for which "kubeadm certs generate-csr" makes the requests.
var ErrNoCAKey = errors.New("the key of the CA is not in the bundle")

// authority is a CA with its key.
type authority struct {
	dir      string // of its certificate
	cert     *x509.Certificate
	key      crypto.Signer
	pem      []byte // all certificates of the file
	pool     *x509.CertPool
	now      time.Time
	validity time.Duration // of what it signs
}

// authorityOf finds the CA of a set.
func authorityOf(b *pkibundle.Bundle, s set, now time.Time, validity time.Duration) (*authority, error) {
	certs, keys := b.With(s.certRole), b.With(s.keyRole)
	if len(certs) == 0 {
		return nil, fmt.Errorf("the bundle has no file of role %s: collect it from another control-plane node", s.certRole)
	}
	if len(keys) == 0 {
		var names []string
		for _, l := range s.leaves {
			names = append(names, path.Base(l.name))
		}
		return nil, fmt.Errorf("%s: %w: it has to sign %s", certs[0].Path, ErrNoCAKey, strings.Join(names, ", "))
	}
	for _, k := range keys {
		for _, c := range certs {
			if c.Link != "" || k.Link != "" { // what it leads to is there, too
				continue
			}
			a, err := newAuthority(c, k)
			if err != nil {
				return nil, err
			}
			if a == nil {
				continue
			}
			if now.Before(a.cert.NotBefore) || now.After(a.cert.NotAfter) {
				return nil, fmt.Errorf("%s is valid from %s to %s only: set the clock, or exchange the CA",
					c.Path, a.cert.NotBefore.Format(time.RFC3339), a.cert.NotAfter.Format(time.RFC3339))
			}
			a.now, a.validity = now, validity
			return a, nil
		}
	}
	return nil, fmt.Errorf("%s is not the key of %s: collect both from another control-plane node", keys[0].Path, certs[0].Path)
}

// newAuthority reads a CA; nil if the key is of none of the certificates. While a CA is exchanged its file holds the
// old and the new one.
func newAuthority(certFile, keyFile pkibundle.File) (*authority, error) {
	certs, err := material.Certificates(certFile.Data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", certFile.Path, err)
	}
	key, err := material.PrivateKey(keyFile.Data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keyFile.Path, err)
	}
	a := &authority{dir: path.Dir(certFile.Path), key: key, pool: x509.NewCertPool()}
	var buf bytes.Buffer
	for _, c := range certs {
		if material.Same(c.PublicKey, key.Public()) && (a.cert == nil || c.NotAfter.After(a.cert.NotAfter)) {
			a.cert = c // if it was renewed with its old key, the new one
		}
		a.pool.AddCert(c)
		buf.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	if a.cert == nil {
		return nil, nil
	}
	a.pem = buf.Bytes()
	return a, nil
}

// backdate is for clocks that are late (CertificateBackdate in kubeadm's constants.go).
const backdate = 5 * time.Minute

// issue makes a key and a certificate, both in PEM, and holds the certificate against the CA as a peer would.
func (a *authority) issue(l leaf) (cert, key []byte, err error) {
	signer, usage, err := newKey(a.key.Public())
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{ // without a serial number crypto/x509 draws one
		Subject:               pkix.Name{CommonName: l.commonName},
		NotBefore:             latest(a.now.Add(-backdate), a.cert.NotBefore),
		NotAfter:              earliest(a.now.Add(a.validity), a.cert.NotAfter),
		KeyUsage:              usage,
		ExtKeyUsage:           l.usages,
		BasicConstraintsValid: true,
	}
	if l.organisation != "" {
		template.Subject.Organization = []string{l.organisation}
	}
	name(template, l.names)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, signer.Public(), a.key)
	if err != nil {
		return nil, nil, fmt.Errorf("sign it: %w", err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, fmt.Errorf("read it back: %w", err)
	}
	if _, err := made.Verify(x509.VerifyOptions{Roots: a.pool, CurrentTime: a.now, KeyUsages: l.usages}); err != nil {
		return nil, nil, fmt.Errorf("hold it against its CA: %w", err)
	}
	if key, err = encodeKey(signer); err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), key, nil
}

// name gives a certificate names and addresses, each once.
func name(c *x509.Certificate, names []string) {
	seen := map[string]bool{}
	for _, n := range names {
		address, err := netip.ParseAddr(n)
		if err == nil {
			n = address.Unmap().String()
		}
		switch {
		case seen[n]:
		case err == nil:
			c.IPAddresses = append(c.IPAddresses, address.Unmap().AsSlice())
		default:
			c.DNSNames = append(c.DNSNames, n)
		}
		seen[n] = true
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
