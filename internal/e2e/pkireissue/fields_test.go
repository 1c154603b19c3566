package pkireissue

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/clustersnap/clustersnap/pkibundle"
)

// sameAsKubeadm holds all that was made against what kubeadm had made for the same node.
func sameAsKubeadm(t *testing.T, old, made *pkibundle.Bundle) {
	t.Helper()
	theirs := map[string]pkibundle.File{}
	for _, f := range old.Files {
		if strings.HasPrefix(f.Path, "etc/kubernetes/pki/") || strings.HasSuffix(f.Path, ".conf") {
			theirs[f.Path] = f
		}
	}
	if len(theirs) != len(made.Files) {
		t.Errorf("kubeadm made %d files, and there are %d", len(theirs), len(made.Files))
	}
	drawn := regexp.MustCompile(`(client-certificate-data|client-key-data): \S+`)
	for _, f := range made.Files {
		was, ok := theirs[f.Path]
		if !ok {
			t.Errorf("kubeadm made no %s", f.Path)
			continue
		}
		if f.Role != was.Role || f.Mode != was.Mode || f.Owner != was.Owner {
			t.Errorf("%v %s %v, and kubeadm's is %v %s %v", f, f.Role, f.Owner, was, was.Role, was.Owner)
		}
		if strings.HasSuffix(f.Path, ".conf") {
			if got, want := drawn.ReplaceAll(f.Data, nil), drawn.ReplaceAll(was.Data, nil); !bytes.Equal(got, want) {
				t.Errorf("%s is %s\nand kubeadm's is %s", f.Path, got, want)
			}
		}
		got, want := fields(t, f), fields(t, was)
		if !slices.Equal(got, want) {
			t.Errorf("%s holds\n%s\nand kubeadm's\n%s", f.Path, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	for _, d := range made.Directories {
		if !slices.Contains(old.Directories, d) {
			t.Errorf("directory %v is not as it was", d)
		}
	}
}

// fields lists the blocks of a file, and of certificates what does not differ from one to the next.
func fields(t *testing.T, f pkibundle.File) (list []string) {
	t.Helper()
	data := f.Data
	if strings.HasSuffix(f.Path, ".conf") {
		config, err := clientcmd.RESTConfigFromKubeConfig(data)
		if err != nil {
			t.Fatal(err)
		}
		data = slices.Concat(config.CAData, config.CertData, config.KeyData)
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		list = append(list, fmt.Sprintf("%s %v", block.Type, block.Headers))
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		names := slices.Clone(c.DNSNames)
		for _, ip := range c.IPAddresses {
			names = append(names, ip.String())
		}
		slices.Sort(names)
		key, err := x509.MarshalPKIXPublicKey(c.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list,
			fmt.Sprintf("subject %s issuer %s", c.Subject, c.Issuer),
			fmt.Sprintf("names %v mail %v uri %v", names, c.EmailAddresses, c.URIs),
			fmt.Sprintf("usages %b %v CA %t %t path %d", c.KeyUsage, c.ExtKeyUsage, c.IsCA, c.BasicConstraintsValid, c.MaxPathLen),
			fmt.Sprintf("signature %v by %x", c.SignatureAlgorithm, c.AuthorityKeyId),
			fmt.Sprintf("key %v of %d bytes", c.PublicKeyAlgorithm, len(key)),
			fmt.Sprintf("version %d lifetime %v", c.Version, c.NotAfter.Sub(c.NotBefore).Round(24*time.Hour)),
		)
		for _, e := range c.Extensions {
			list = append(list, fmt.Sprintf("extension %v critical %t", e.Id, e.Critical))
		}
	}
	return list
}
