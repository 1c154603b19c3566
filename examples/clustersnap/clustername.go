package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/clustersnap/clustersnap/kubeadm"
)

// clusterDigest is what all nodes of a cluster have in common, and no other has, also when it was restored: the CA. It is the
// beginning of the digest of its public key, as "kubeadm join --discovery-token-ca-cert-hash" takes it whole.
func clusterDigest(node *kubeadm.Node, root fs.FS) (string, error) {
	name := ""
	for _, p := range node.Programs {
		for _, f := range p.Files {
			if p.Name == "kube-apiserver" && strings.TrimLeft(f.Source.Key, "-") == "client-ca-file" {
				name = f.Value
			}
		}
	}
	if name == "" && len(node.Etcd.Credentials) > 0 {
		name = node.Etcd.Credentials[0].CA.Value
	}
	if name == "" {
		return "", errors.New("the node names none")
	}
	text, err := fs.ReadFile(root, strings.TrimPrefix(name, "/"))
	if err != nil {
		return "", err
	}
	return keyDigest(name, text)
}

func keyDigest(name string, text []byte) (string, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return "", fmt.Errorf("%s holds no certificate", name)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	digest := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(digest[:6]), nil
}
