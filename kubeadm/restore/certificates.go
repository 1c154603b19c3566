package restore

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"
)

// flagOf is a flag of a program of the control plane, without its dashes.
type flagOf struct{ program, name string }

// certificate is one without which a program does not serve, by the flag that names it. If ca is not empty, it names what who
// asks the program holds it against.
type certificate struct{ cert, ca flagOf }

// needed are the certificates without which etcd and kube-apiserver do not serve. With others that have expired, such as those
// of CAs that were replaced, of the front proxy and for kubelets, the control plane starts.
func needed() []certificate {
	return []certificate{
		{flagOf{etcd, "cert-file"}, flagOf{apiServer, "etcd-cafile"}},
		{flagOf{etcd, "peer-cert-file"}, flagOf{}},
		{flagOf{apiServer, "etcd-certfile"}, flagOf{etcd, "trusted-ca-file"}},
		{flagOf{apiServer, "tls-cert-file"}, flagOf{}},
	}
}

// files are what a flag names on the node, relative to its root; variables and keys of configuration files count as flags.
func (p *Plan) files(f flagOf) (names []string) {
	for _, program := range p.Node.Programs {
		if program.Name != f.program {
			continue
		}
		for _, file := range program.Files {
			key := strings.TrimPrefix(file.Source.Key, "ETCD_")
			if key != file.Source.Key {
				key = strings.ToLower(strings.ReplaceAll(key, "_", "-"))
			}
			if strings.TrimPrefix(key, "--") == f.name {
				names = append(names, strings.TrimPrefix(file.Value, "/"))
			}
		}
	}
	return names
}

// certificates are those in a file of the node's, none if that is not there or holds something else.
func (v view) certificates(name string) ([]*x509.Certificate, error) {
	text, err := v.read(name)
	defer clear(text) // the key may stand there, too
	if err != nil {
		return nil, err
	}
	chain, err := certificatesOf(text)
	if err != nil {
		return nil, nil
	}
	return chain, nil
}

// certificatesOf reads PEM: the one that counts first, and after it those between it and its CA.
func certificatesOf(text []byte) (chain []*x509.Certificate, err error) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return chain, nil
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		chain = append(chain, cert)
	}
}

// signed is an error if a certificate is of none of the CAs in a file. A file without any is the program's to judge.
func (m *machine) signed(v view, chain []*x509.Certificate, ca string) error {
	roots, err := v.certificates(ca)
	if err != nil || len(roots) == 0 {
		return err
	}
	err = verify(chain, roots, m.host.Now())
	switch {
	case err == nil:
		return nil
	case errors.As(err, &x509.UnknownAuthorityError{}):
		return fmt.Errorf("is of another CA than /%s", ca)
	}
	return fmt.Errorf("is not valid by /%s: %w", ca, err)
}

// verify holds a certificate, and those that come with it, against CAs: one of them that is valid is enough.
func verify(chain, roots []*x509.Certificate, now time.Time) error {
	opts := x509.VerifyOptions{
		Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}
	for _, cert := range roots {
		opts.Roots.AddCert(cert)
	}
	for _, cert := range chain[1:] {
		opts.Intermediates.AddCert(cert)
	}
	_, err := chain[0].Verify(opts)
	return err
}

func inTime(cert *x509.Certificate, now time.Time) error {
	switch {
	case now.After(cert.NotAfter):
		return fmt.Errorf("has expired on %s: renew it (kubeadm certs renew), or set the clock right",
			cert.NotAfter.Format(time.DateOnly))
	case now.Before(cert.NotBefore):
		return fmt.Errorf("is valid from %s on only: set the clock right", cert.NotBefore.Format(time.DateTime))
	}
	return nil
}
