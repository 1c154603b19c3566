package check

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/internal/material"
)

// Options are what a check can be told. The zero value is what a daily backup wants.
type Options struct {
	// Horizon is how long from now the certificates should be valid at least: how long the bundle is to be of use, or how
	// long somebody needs to renew them. Zero is 30 days. What the kubelet renews itself, which it does when 70 to 90 % of
	// the lifetime are over (certificate_manager.go in k8s.io/client-go/util/certificate), is said to be expiring only if
	// 90 % are: then that does not work.
	Horizon time.Duration
}

const month = 30 * 24 * time.Hour

// Files looks at the files of a bundle as they are at a time. It never fails: what it cannot read is a finding.
//
// Files that one finding is about are looked at no further where the next would only say the same again: a certificate
// that does not parse is not said to be signed by nobody.
func Files(b *pkibundle.Bundle, now time.Time, opts Options) *Report {
	if opts.Horizon == 0 {
		opts.Horizon = month
	}
	in := &inspection{
		node: newNode(b), now: now, horizon: now.Add(opts.Horizon),
		certs: map[string][]*x509.Certificate{}, keys: map[string]crypto.PublicKey{}, signers: map[*x509.Certificate]bool{},
	}
	missing := in.missing()
	in.authorityPairs()
	in.serviceAccount()
	in.leaves()
	in.kubeletServer()
	in.kubeconfigs()
	in.authorityPeriods() // after the leaves, which say who has signed them
	in.elsewhere(missing)
	in.names()
	in.modes()
	in.encryption()
	slices.SortFunc(in.findings, bySeverity)
	return &Report{Verdict: in.verdict(missing), Missing: missing, Findings: in.findings}
}

// inspection is what has been read and found so far. Files are read once, so that a broken one is found once.
type inspection struct {
	*node
	now, horizon time.Time
	findings     []Finding
	certs        map[string][]*x509.Certificate // by path
	keys         map[string]crypto.PublicKey    // of private keys, by path; nil for a broken one
	signers      map[*x509.Certificate]bool     // of CAs: those that have signed something here
}

func (in *inspection) report(s Severity, p Problem, f pkibundle.File, format string, args ...any) {
	found := Finding{Severity: s, Problem: p, Role: f.Role, Path: f.Path, Text: fmt.Sprintf(format, args...)}
	if !slices.Contains(in.findings, found) { // a file can be there for two purposes
		in.findings = append(in.findings, found)
	}
}

// certificates are those of a file; none if it is broken.
func (in *inspection) certificates(f pkibundle.File) []*x509.Certificate {
	certs, done := in.certs[f.Path]
	if !done {
		var err error
		if certs, err = material.Certificates(f.Data); err != nil {
			in.report(Fatal, Unparsable, f, "%v: restore the file from an older backup, or issue the certificate anew", err)
		}
		in.certs[f.Path] = certs
	}
	return certs
}

// key is the public one of the private key in a file; nil if it is broken.
func (in *inspection) key(f pkibundle.File) crypto.PublicKey {
	key, done := in.keys[f.Path]
	if !done {
		if private, err := material.PrivateKey(f.Data); err != nil {
			in.report(Fatal, Unparsable, f, "%v: restore the file from an older backup, or make the pair anew", err)
		} else {
			key = private.Public()
		}
		in.keys[f.Path] = key
	}
	return key
}

// pair holds a private key against the certificates that it may be of.
func (in *inspection) pair(key crypto.PublicKey, keyFile pkibundle.File, certs []*x509.Certificate, certFile pkibundle.File) {
	if key == nil || len(certs) == 0 || slices.ContainsFunc(certs, func(c *x509.Certificate) bool {
		return material.Same(c.PublicKey, key)
	}) {
		return
	}
	if keyFile.Path == certFile.Path {
		in.report(Fatal, KeyMismatch, keyFile, "its key is not that of its certificate: issue the pair anew")
		return
	}
	in.report(Fatal, KeyMismatch, keyFile, "it is not the key of the certificate in %s: find the one that is, "+
		"or issue the pair anew", certFile.Path)
}
