package pkibundle

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/clustersnap/clustersnap/pkibundle/internal/material"
)

// Certificate is what a manifest says of one.
type Certificate struct {
	Subject   string    `json:"subject"` // as RFC 2253 writes it
	Issuer    string    `json:"issuer"`
	Names     []string  `json:"names,omitempty"` // DNS names and addresses that it is for, the first 64 of each
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
	PublicKey string    `json:"publicKey"` // SHA-256 of the SubjectPublicKeyInfo (RFC 5280, 4.1), in hex
}

// certificateOf summarises the first certificate of a file; nil if it has none that can be read.
func certificateOf(f File) *Certificate {
	pem := f.Data
	if bytes.Contains(pem, []byte("client-certificate-data")) {
		kubeconfig, err := material.ParseKubeconfig(f.Data)
		if err != nil {
			return nil
		}
		defer kubeconfig.Clear()
		pem = kubeconfig.Cert
	}
	found, err := material.Certificates(pem)
	if err != nil {
		return nil
	}
	return summary(found[0])
}

func summary(c *x509.Certificate) *Certificate {
	s := &Certificate{
		Subject: short(c.Subject.String()), Issuer: short(c.Issuer.String()),
		NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(), PublicKey: hexSum(c.RawSubjectPublicKeyInfo),
	}
	const most = 64 // kubeadm's have six or so
	for _, name := range c.DNSNames[:min(len(c.DNSNames), most)] {
		s.Names = append(s.Names, short(name))
	}
	for _, ip := range c.IPAddresses[:min(len(c.IPAddresses), most)] {
		s.Names = append(s.Names, ip.String())
	}
	return s
}

// short makes of what somebody wrote into a certificate a text that JSON keeps.
func short(s string) string {
	return fmt.Sprintf("%.253s", strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, s))
}
