package check

import (
	"crypto/x509"
	"slices"
	"time"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

// What certificates are used for.
var (
	client = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	server = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	// both: etcd shows its servers' certificates as a client too, to itself (etcd-io/etcd issue 9785).
	both = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
)

var usageNames = map[x509.ExtKeyUsage]string{x509.ExtKeyUsageServerAuth: "server", x509.ExtKeyUsageClientAuth: "client"}

// leafPairs are the certificates that CAs have signed, and what for (cmd/kubeadm/app/phases/certs/certlist.go in
// kubernetes/kubernetes).
var leafPairs = []struct {
	cert, key string
	ca        authority
	usages    []x509.ExtKeyUsage
}{
	{role.APIServerCert, role.APIServerKey, clusterCA, server},
	{role.KubeletClientCert, role.KubeletClientKey, clusterCA, client},
	{role.FrontProxyClientCert, role.FrontProxyClientKey, frontProxyCA, client},
	{role.EtcdClientCert, role.EtcdClientKey, etcdCA, client},
	{role.EtcdServerCert, role.EtcdServerKey, etcdCA, both},
	{role.EtcdPeerCert, role.EtcdPeerKey, etcdCA, both},
	{role.EtcdHealthcheckCert, role.EtcdHealthcheckKey, etcdCA, client},
}

func (in *inspection) leaves() {
	for _, pair := range leafPairs {
		files := in.with(pair.cert)
		var firsts []*x509.Certificate // which keys are of: one can do, where no flag says which is used
		for _, f := range files {
			certs := in.certificates(f)
			in.leaf(f, certs, pair.ca, pair.usages)
			firsts = append(firsts, certs[:min(1, len(certs))]...)
		}
		for _, k := range in.with(pair.key) {
			if key := in.key(k); len(files) > 0 {
				in.pair(key, k, firsts, files[0])
			}
		}
	}
}

// leaf looks at the first of the certificates of a file, which the others lead to a CA, if it has any.
func (in *inspection) leaf(f pkibundle.File, certs []*x509.Certificate, ca authority, usages []x509.ExtKeyUsage) {
	if len(certs) == 0 {
		return
	}
	c := certs[0]
	in.period(Fatal, f, c)
	if len(in.trusted(ca)) > 0 && !in.signedBy(c, certs[1:], ca) {
		in.report(Fatal, WrongSigner, f, "its certificate is not signed by %s: issue it anew, or find the CA that has signed it",
			ca.name)
	}
	for _, u := range usages {
		if !allows(c, u) {
			in.report(Fatal, WrongUsage, f, "its certificate may not be used to authenticate a %s: issue it anew, with that "+
				"extended key usage", usageNames[u])
		}
	}
}

// allows says whether a certificate may be used so. One that tells no usages may be used for all.
func allows(c *x509.Certificate, u x509.ExtKeyUsage) bool {
	return len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0 ||
		slices.Contains(c.ExtKeyUsage, u) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}

// period looks whether a certificate is valid, and how long.
func (in *inspection) period(ended Severity, f pkibundle.File, c *x509.Certificate) {
	const day = time.DateOnly + " 15:04 MST"
	switch {
	case in.now.Before(c.NotBefore):
		in.report(ended, NotYetValid, f, "its certificate %q is valid from %s on: look at the clock of the node that issued it",
			c.Subject.CommonName, c.NotBefore.UTC().Format(day))
	case in.now.After(c.NotAfter):
		in.report(ended, Expired, f, "its certificate %q has expired on %s: renew it and collect again",
			c.Subject.CommonName, c.NotAfter.UTC().Format(day))
	case in.horizon.After(c.NotAfter) && (!renewsItself(f) || in.now.After(lastTenth(c))):
		in.report(Warning, Expiring, f, "its certificate %q expires on %s: renew it in time and collect again",
			c.Subject.CommonName, c.NotAfter.UTC().Format(day))
	}
}

// renewsItself says whether the kubelet does that.
func renewsItself(f pkibundle.File) bool {
	return f.Role == role.KubeletOwnClient || f.Role == role.KubeletOwnServer
}

// lastTenth is when a certificate has a tenth of its lifetime left.
func lastTenth(c *x509.Certificate) time.Time {
	return c.NotAfter.Add(-c.NotAfter.Sub(c.NotBefore) / 10)
}

// kubeletServer looks at what the kubelet serves with. By default it has signed that itself, never renews it, and nobody
// verifies it: that it has expired breaks nothing for most. What it got from the cluster, of which older ones may lie
// around, is what its link leads to.
func (in *inspection) kubeletServer() {
	for _, f := range in.with(role.KubeletServingCert) {
		certs := in.certificates(f)
		for _, k := range in.with(role.KubeletServingKey) {
			in.pair(in.key(k), k, certs[:min(1, len(certs))], f)
		}
		if len(certs) > 0 {
			in.period(Warning, f, certs[0])
		}
	}
	for _, link := range in.bundle.With(role.KubeletOwnServer) {
		at, ok := in.lookup(link.Path, ".")
		if link.Link == "" || !ok {
			continue
		}
		f := in.files[at]
		certs := in.certificates(f)
		in.pair(in.key(f), f, certs[:min(1, len(certs))], f)
		if len(certs) > 0 {
			in.period(Warning, f, certs[0])
		}
	}
}
