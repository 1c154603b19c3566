package kubeadm

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// TLSConfig returns the client configuration for Endpoints, with the credential
// read from the node's root. Both results are nil, as etcd's client expects it,
// if and only if there are Endpoints and all of them are http. The server is verified
// against CAFile alone and by the name in its endpoint; kubeadm's server
// certificates hold the loopback addresses.
//
// An error names the file and where its name comes from, and never shows
// content. A missing or unreadable file is [fs.ErrNotExist] or
// [fs.ErrPermission].
func (e *Etcd) TLSConfig(root fs.FS) (*tls.Config, error) {
	if e.plaintext() {
		return nil, nil
	}
	if e.CAFile == (Setting{}) || e.CertFile == (Setting{}) || e.KeyFile == (Setting{}) {
		return nil, errors.New("read etcd client credential: CAFile, CertFile or KeyFile is not known: declare --trusted-ca-file, --cert-file and --key-file of etcd")
	}
	ca, err := readCredential(root, e.CAFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("read etcd client credential: %s (%s) holds no PEM certificate: restore it", e.CAFile.Value, e.CAFile.Source)
	}
	cert, err := readCredential(root, e.CertFile)
	if err != nil {
		return nil, err
	}
	key, err := readCredential(root, e.KeyFile)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("read etcd client credential: %s and %s (%s) are no key pair: %w: renew the certificate",
			e.CertFile.Value, e.KeyFile.Value, e.CertFile.Source, err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Certificates: []tls.Certificate{pair}}, nil
}

func (e *Etcd) plaintext() bool {
	for _, endpoint := range e.Endpoints {
		if !strings.HasPrefix(endpoint.Value, "http://") {
			return false
		}
	}
	return len(e.Endpoints) > 0
}

func readCredential(root fs.FS, file Setting) ([]byte, error) {
	name, err := nameInRoot(file)
	if err != nil {
		return nil, fmt.Errorf("read etcd client credential: %w", err)
	}
	data, err := readBounded(root, name)
	if err != nil {
		return nil, fmt.Errorf("read etcd client credential (%s): %w", file.Source, err)
	}
	return data, nil
}
