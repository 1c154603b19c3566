package demonode

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"os"
	"path"
	"time"
)

const pkiDir = "etc/kubernetes/pki"

// leaf is a file name under pki, without its ending, and what the certificate says.
type leaf struct {
	name     string
	template x509.Certificate
}

// writePKI writes the 22 files of /etc/kubernetes/pki with the names, subjects, usages and SANs that kubeadm gives
// them (cmd/kubeadm/app/phases/certs/certlist.go, v1.37) and returns the cluster CA.
func writePKI(tree *os.Root, now time.Time) (authority, error) {
	loopback := net.IPv4(127, 0, 0, 1)
	serving := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	client := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	apiserverCert := x509.Certificate{
		Subject: pkix.Name{CommonName: "kube-apiserver"},
		DNSNames: []string{
			nodeName, "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
		},
		// 10.96.0.1 is the first address of the service range: the Service "kubernetes".
		IPAddresses: []net.IP{net.IPv4(10, 96, 0, 1), loopback},
		ExtKeyUsage: serving,
	}
	etcdCert := x509.Certificate{
		Subject:     pkix.Name{CommonName: nodeName},
		DNSNames:    []string{nodeName, "localhost"},
		IPAddresses: []net.IP{loopback, net.IPv6loopback},
		// etcd uses its serving certificate as a client too (etcd-io/etcd#9785).
		ExtKeyUsage: append(serving, client...),
	}
	named := func(commonName string) x509.Certificate {
		return x509.Certificate{Subject: pkix.Name{CommonName: commonName}, ExtKeyUsage: client}
	}

	cluster, err := writeFamily(tree, "ca", "kubernetes", now,
		leaf{"apiserver", apiserverCert},
		leaf{"apiserver-kubelet-client", named("kube-apiserver-kubelet-client")})
	if err != nil {
		return authority{}, err
	}
	if _, err := writeFamily(tree, "front-proxy-ca", "front-proxy-ca", now,
		leaf{"front-proxy-client", named("front-proxy-client")}); err != nil {
		return authority{}, err
	}
	if _, err := writeFamily(tree, "etcd/ca", "etcd-ca", now,
		leaf{"etcd/server", etcdCert},
		leaf{"etcd/peer", etcdCert},
		leaf{"etcd/healthcheck-client", named("kube-etcd-healthcheck-client")},
		leaf{"apiserver-etcd-client", named("kube-apiserver-etcd-client")}); err != nil {
		return authority{}, err
	}
	return cluster, writeServiceAccountKey(tree)
}

// writeFamily writes a new CA and the leaves that it signs.
func writeFamily(tree *os.Root, name, commonName string, now time.Time, leaves ...leaf) (authority, error) {
	ca, certPEM, keyPEM, err := newAuthority(commonName, now)
	if err != nil {
		return authority{}, fmt.Errorf("make CA %s: %w", name, err)
	}
	if err := writePair(tree, name, certPEM, keyPEM); err != nil {
		return authority{}, err
	}
	for _, l := range leaves {
		certPEM, keyPEM, err := ca.issue(l.template)
		if err != nil {
			return authority{}, fmt.Errorf("issue certificate %s: %w", l.name, err)
		}
		if err := writePair(tree, l.name, certPEM, keyPEM); err != nil {
			return authority{}, err
		}
	}
	return ca, nil
}

// writeServiceAccountKey writes the pair that signs and verifies ServiceAccount tokens; kubeadm makes both 0600.
func writeServiceAccountKey(tree *os.Root) error {
	key, keyPEM, err := newKey()
	if err != nil {
		return fmt.Errorf("make service account key: %w", err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("make service account key: %w", err)
	}
	if err := writeFile(tree, path.Join(pkiDir, "sa.key"), keyPEM, 0o600); err != nil {
		return err
	}
	return writeFile(tree, path.Join(pkiDir, "sa.pub"), encodePEM("PUBLIC KEY", der), 0o600)
}

func writePair(tree *os.Root, name string, certPEM, keyPEM []byte) error {
	if err := writeFile(tree, path.Join(pkiDir, name+".crt"), certPEM, 0o644); err != nil {
		return err
	}
	return writeFile(tree, path.Join(pkiDir, name+".key"), keyPEM, 0o600)
}
