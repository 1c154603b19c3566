package check

import (
	"crypto"
	"crypto/x509"
	"slices"

	"github.com/clustersnap/clustersnap/pkibundle/internal/material"
	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

// authority is one of the three CAs of a control plane.
type authority struct{ name, cert, key string }

var (
	clusterCA    = authority{"the cluster CA", role.ClusterCACert, role.ClusterCAKey}
	etcdCA       = authority{"etcd's CA", role.EtcdCACert, role.EtcdCAKey}
	frontProxyCA = authority{"the front-proxy CA", role.FrontProxyCACert, role.FrontProxyCAKey}
	authorities  = []authority{clusterCA, etcdCA, frontProxyCA}
)

// trusted are the certificates of all files of a CA: kube-apiserver may trust more than the one that kubeadm signs with.
func (in *inspection) trusted(ca authority) []*x509.Certificate {
	var found []*x509.Certificate
	for _, f := range in.all(ca.cert) {
		found = append(found, in.certificates(f)...)
	}
	return found
}

// authorityPairs looks whether the CAs may sign, and whether their keys are theirs. A file with several certificates is
// one of a CA that is being exchanged: the key is of one of them.
func (in *inspection) authorityPairs() {
	for _, ca := range authorities {
		for _, f := range in.all(ca.cert) {
			for _, c := range in.certificates(f) {
				if !c.IsCA || c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0 {
					in.report(Fatal, NotCA, f, "its certificate %q is not marked as one that signs others, so programs "+
						"refuse what it has signed: make it anew with the same key", c.Subject.CommonName)
				}
			}
		}
		for _, f := range in.all(ca.key) {
			key, trusted := in.key(f), in.trusted(ca)
			for _, c := range trusted {
				in.signers[c] = in.signers[c] || material.Same(c.PublicKey, key)
			}
			if certs := in.with(ca.cert); len(certs) > 0 {
				in.pair(key, f, trusted, certs[0])
			}
		}
	}
}

// authorityPeriods looks whether the CAs are valid. Of several in one file only those count that sign: of the others one
// may be on its way out, and another not yet used. Of one that was renewed with its old key the certificate counts that is
// valid the longest.
func (in *inspection) authorityPeriods() {
	for _, ca := range authorities {
		for _, f := range in.all(ca.cert) {
			certs := in.certificates(f)
			for _, c := range certs {
				if (len(certs) == 1 || in.signers[c]) && !in.renewed(c, certs) {
					in.period(Fatal, f, c)
				}
			}
		}
	}
}

// renewed says whether another certificate of the same CA is valid, and stands in for this one.
func (in *inspection) renewed(c *x509.Certificate, certs []*x509.Certificate) bool {
	return slices.ContainsFunc(certs, func(other *x509.Certificate) bool {
		valid := !in.now.Before(other.NotBefore) && !in.now.After(other.NotAfter)
		better := other.NotAfter.After(c.NotAfter) || in.now.Before(c.NotBefore)
		return valid && better && string(other.RawSubject) == string(c.RawSubject) && material.Same(other.PublicKey, c.PublicKey)
	})
}

// elsewhere tells of the CAs whose keys are not on the node, and need not be.
func (in *inspection) elsewhere(missing []Missing) {
	if in.kind() != controlPlane {
		return
	}
	for _, ca := range authorities {
		if ca == etcdCA && in.externalEtcd() || in.has(ca.key) ||
			slices.ContainsFunc(missing, func(m Missing) bool { return m.Role == ca.key }) {
			continue
		}
		for _, f := range in.with(ca.cert) {
			in.report(Info, CAKeyElsewhere, f, "the key of %s is not on the node: who keeps it renews the certificates, "+
				"also after a restore", ca.name)
		}
	}
}

// serviceAccount looks whether kube-apiserver can verify the tokens that it signs. It may know older keys, too.
func (in *inspection) serviceAccount() {
	var known []crypto.PublicKey
	verifiers := in.all(role.ServiceAccountPK)
	for _, f := range verifiers {
		keys, err := material.PublicKeys(f.Data)
		if err != nil {
			in.report(Fatal, Unparsable, f, "%v: make it anew from the private key", err)
			return
		}
		known = append(known, keys...)
	}
	for _, f := range in.with(role.ServiceAccount) {
		key := in.key(f)
		same := func(k crypto.PublicKey) bool { return material.Same(k, key) }
		if key == nil || len(known) == 0 || slices.ContainsFunc(known, same) {
			continue
		}
		in.report(Fatal, KeyMismatch, verifiers[0], "it is not of the key in %s, so tokens signed with that are refused: "+
			"make it anew from the private key, and keep this one while there are tokens of it", f.Path)
	}
}

// maxChain is how many certificates may stand between one and its CA. Kubeadm has none.
const maxChain = 8

// signedBy says whether a CA has signed a certificate, itself or through intermediates that come after it in its file. It
// looks at names and signatures only: other findings tell of periods and of what CAs may do.
func (in *inspection) signedBy(c *x509.Certificate, intermediates []*x509.Certificate, ca authority) bool {
	trusted := in.trusted(ca)
	intermediates = slices.Clone(intermediates[:min(maxChain, len(intermediates))])
	signed := false
	for chain := []*x509.Certificate{c}; len(chain) > 0 && !signed; chain = chain[1:] {
		for _, signer := range trusted { // more than one if it was renewed with its old key
			if signs(signer, chain[0]) {
				in.signers[signer], signed = true, true
			}
		}
		intermediates = slices.DeleteFunc(intermediates, func(next *x509.Certificate) bool {
			up := next.IsCA && signs(next, chain[0])
			if up {
				chain = append(chain, next)
			}
			return up
		})
	}
	return signed
}

// signs is x509's CheckSignatureFrom without its look at what the signer may do, and with one at names.
func signs(signer, c *x509.Certificate) bool {
	return string(signer.RawSubject) == string(c.RawIssuer) &&
		signer.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}
