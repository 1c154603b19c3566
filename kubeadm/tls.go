package kubeadm

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// What is wrong with a credential.
var (
	// ErrBadPEM says that a file holds no certificate, or no key.
	ErrBadPEM = errors.New("it holds no PEM of that kind")
	// ErrKeyMismatch says that a key is not that of its certificate. kubeadm does not look at that.
	ErrKeyMismatch = errors.New("the key is not that of the certificate")
	// ErrUntrusted says that another CA has signed the certificate.
	ErrUntrusted = errors.New("the CA has not signed the certificate")
	// ErrExpired says that a certificate is not valid now.
	ErrExpired = errors.New("the certificate is not valid now")
	// ErrNotForClients says that a certificate is for servers only.
	ErrNotForClients = errors.New("the certificate is not for clients")
)

// Chosen is the credential that ClientTLS has chosen.
type Chosen struct {
	Credential
	// PassedOver says why those before it are of no use.
	PassedOver []string `json:"passedOver,omitempty"`
}

// ClientTLS returns the client configuration for Endpoints, with the first of Credentials that is good at a time: its files
// are there in the node's root and can be read, the key is the certificate's, the CA has signed it, it is for clients, and valid. The
// configuration is nil, as etcd's client expects it,
// if and only if there are Endpoints and all of them are http. The server is verified
// against the CA alone and by the name in its endpoint; kubeadm's server
// certificates hold the loopback addresses.
//
// An error is the reasons of all, and never shows content: [fs.ErrNotExist], [fs.ErrPermission], [ErrBadPEM],
// [ErrKeyMismatch], [ErrUntrusted], [ErrExpired] and [ErrNotForClients].
func (e *Etcd) ClientTLS(root fs.FS, now time.Time) (*tls.Config, Chosen, error) {
	if e.plaintext() {
		return nil, Chosen{}, nil
	}
	if len(e.Credentials) == 0 {
		return nil, Chosen{}, errors.New("find etcd client credential: none is declared: declare --trusted-ca-file, --cert-file and --key-file of etcd")
	}
	var why []error
	chosen := Chosen{}
	for _, c := range e.Credentials {
		config, err := c.config(root, now)
		if err == nil {
			chosen.Credential = c
			return config, chosen, nil
		}
		why = append(why, err)
		chosen.PassedOver = append(chosen.PassedOver, err.Error())
	}
	return nil, Chosen{}, fmt.Errorf("find etcd client credential: %w", joined(why))
}

// joined puts errors in one line.
type joined []error

func (j joined) Unwrap() []error { return j }

func (j joined) Error() string {
	var list []string
	for _, err := range j {
		list = append(list, err.Error())
	}
	return strings.Join(list, "; ")
}

func (e *Etcd) plaintext() bool {
	for _, endpoint := range e.Endpoints {
		if !strings.HasPrefix(endpoint.Value, "http://") {
			return false
		}
	}
	return len(e.Endpoints) > 0
}

func (c Credential) config(root fs.FS, now time.Time) (*tls.Config, error) {
	ca, err := readCredential(root, c.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, c.CA.wrong(fmt.Errorf("%w: restore it", ErrBadPEM))
	}
	cert, err := readCredential(root, c.Cert)
	if err != nil {
		return nil, err
	}
	key, err := readCredential(root, c.Key)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	chain, err := parseChain(cert)
	if err != nil {
		return nil, c.Cert.wrong(fmt.Errorf("%w: renew it", err))
	}
	if block, _ := pem.Decode(key); block == nil || !strings.HasSuffix(block.Type, "PRIVATE KEY") {
		return nil, c.Key.wrong(fmt.Errorf("%w: renew the pair", ErrBadPEM))
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, c.Key.wrong(fmt.Errorf("%w %s: renew the pair (%w)", ErrKeyMismatch, c.Cert.Value, err))
	}
	if err := verify(chain, roots, now); err != nil {
		return nil, c.Cert.wrong(err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Certificates: []tls.Certificate{pair}}, nil
}

// parseChain reads a certificate, and those between it and its CA.
func parseChain(text []byte) (chain []*x509.Certificate, err error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, ErrBadPEM
		}
		chain = append(chain, cert)
	}
	if len(chain) == 0 {
		return nil, ErrBadPEM
	}
	return chain, nil
}

// verify tells apart what x509 says, and what to do about it.
func verify(chain []*x509.Certificate, roots *x509.CertPool, now time.Time) error {
	between := x509.NewCertPool()
	for _, cert := range chain[1:] {
		between.AddCert(cert)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	invalid := x509.CertificateInvalidError{}
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		from, to := invalid.Cert.NotBefore.Format(time.DateOnly), invalid.Cert.NotAfter.Format(time.DateOnly)
		if !invalid.Cert.Equal(chain[0]) {
			return fmt.Errorf("%w: that of its CA is from %s to %s: renew that first", ErrExpired, from, to)
		}
		return fmt.Errorf("%w: it is from %s to %s: renew it", ErrExpired, from, to)
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return fmt.Errorf("%w: renew it", ErrNotForClients)
	default:
		return fmt.Errorf("%w: renew it", ErrUntrusted)
	}
}

// wrong says which file an error is of.
func (s Setting) wrong(err error) error { return fmt.Errorf("%s (%s): %w", s.Value, s.Source, err) }

func readCredential(root fs.FS, file Setting) ([]byte, error) {
	name, err := nameInRoot(file)
	if err != nil {
		return nil, err
	}
	data, err := readBounded(root, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file.Source, err)
	}
	return data, nil
}
