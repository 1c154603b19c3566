package check

import (
	"crypto"
	"crypto/x509"
	"net/url"
	"slices"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/internal/material"
	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

// kubeconfigs looks at those of the control plane and of the kubelet.
func (in *inspection) kubeconfigs() {
	for _, r := range append(kubeconfigs[:len(kubeconfigs):len(kubeconfigs)], role.SuperAdminConf) {
		for _, f := range in.with(r) {
			k, err := material.ParseKubeconfig(f.Data)
			if err != nil {
				in.report(Fatal, BadKubeconfig, f, "%v: make it anew", err)
				continue
			}
			in.form(f, k)
			in.trust(f, k)
			in.credentials(f, k)
			k.Clear()
		}
	}
}

// form looks at what a kubeconfig says by itself.
func (in *inspection) form(f pkibundle.File, k *material.Kubeconfig) {
	if u, err := url.Parse(k.Server); err != nil || u.Scheme != "https" || !isHost(u.Hostname()) {
		in.report(Fatal, BadKubeconfig, f, "its server is no https URL: make it anew") // the URL may hold a password
	}
	for _, name := range []string{k.CAFile, k.CertFile, k.KeyFile} {
		if !material.IsPath(name) {
			in.report(Fatal, BadKubeconfig, f, "where it should name a file it has something else, "+
				"maybe the contents of one: make it anew")
		}
	}
}

// trust looks whether the CA that a kubeconfig trusts is the cluster's. Of several one is enough.
func (in *inspection) trust(f pkibundle.File, k *material.Kubeconfig) {
	if k.Insecure {
		in.report(Warning, Insecure, f, "it does not verify who the server is (insecure-skip-tls-verify): "+
			"give it the CA of the cluster")
		return
	}
	from, data := f, k.CA
	if len(data) == 0 && k.CAFile != "" {
		at, ok := in.named(f, k.CAFile)
		if !ok {
			return // it is among what is missing, or no path
		}
		from = in.files[at]
		data = from.Data
	}
	cluster := in.trusted(clusterCA)
	if len(cluster) == 0 {
		return
	}
	certs, err := material.Certificates(data)
	switch {
	case len(k.CA) == 0 && k.CAFile == "":
		in.report(Fatal, OtherCA, f, "it names no CA, so that of the cluster is not trusted: make it anew")
	case err != nil && from.Path != f.Path:
		in.certificates(from)
	case err != nil:
		in.report(Fatal, Unparsable, f, "of its CA %v: make it anew", err)
	case !slices.ContainsFunc(certs, func(c *x509.Certificate) bool { return slices.ContainsFunc(cluster, c.Equal) }):
		in.report(Fatal, OtherCA, f, "the CA that it trusts is not that of the cluster: make it anew")
	}
}

// credentials looks at the client certificate, which stands in the kubeconfig or in files that it names.
func (in *inspection) credentials(f pkibundle.File, k *material.Kubeconfig) {
	certFile, certs := in.embedded(f, k.Cert, k.CertFile)
	keyFile, key := in.embeddedKey(f, k.Key, k.KeyFile)
	if len(k.Cert) == 0 && k.CertFile == "" || len(k.Key) == 0 && k.KeyFile == "" {
		if !k.Token && k.TokenFile == "" && !k.BasicOrCmd {
			in.report(Fatal, BadKubeconfig, f, "it has no credentials: make it anew")
		}
		return
	}
	in.leaf(certFile, certs, clusterCA, client)
	in.pair(key, keyFile, certs[:min(1, len(certs))], certFile)
}

// embedded are the certificates of a kubeconfig, and the file that they stand in.
func (in *inspection) embedded(f pkibundle.File, data []byte, name string) (pkibundle.File, []*x509.Certificate) {
	if len(data) > 0 {
		certs, err := material.Certificates(data)
		if err != nil {
			in.report(Fatal, Unparsable, f, "of its client certificate %v: make it anew", err)
		}
		return f, certs
	}
	if at, ok := in.named(f, name); ok {
		return in.files[at], in.certificates(in.files[at])
	}
	return f, nil // it is among what is missing
}

// embeddedKey is the key of a kubeconfig, and the file that it stands in.
func (in *inspection) embeddedKey(f pkibundle.File, data []byte, name string) (pkibundle.File, crypto.PublicKey) {
	if len(data) > 0 {
		private, err := material.PrivateKey(data)
		if err != nil {
			in.report(Fatal, Unparsable, f, "of its client key %v: make it anew", err)
			return f, nil
		}
		return f, private.Public()
	}
	if at, ok := in.named(f, name); ok {
		return in.files[at], in.key(in.files[at])
	}
	return f, nil // it is among what is missing
}
