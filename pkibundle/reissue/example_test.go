package reissue_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net/netip"
	"time"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/reissue"
)

func ExampleLeaves() {
	shared := sharedFiles() // as a bundle's Shared gives them
	bundle, err := reissue.Leaves(shared, reissue.Node{
		Name: "cp-new", AdvertiseAddress: netip.MustParseAddr("10.0.0.7"), Version: "v1.37.2",
	}, time.Now())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer bundle.Clear()
	for _, f := range bundle.With("apiserver-cert") {
		block, _ := pem.Decode(f.Data)
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(f.Path, "of", c.Subject)
		fmt.Println(c.DNSNames)
		fmt.Println(c.IPAddresses)
	}
	fmt.Println(len(bundle.Files), "files")
	// Output:
	// etc/kubernetes/pki/apiserver.crt of CN=kube-apiserver
	// [cp-new kubernetes kubernetes.default kubernetes.default.svc kubernetes.default.svc.cluster.local]
	// [10.96.0.1 10.0.0.7]
	// 27 files
}

// sharedFiles makes three CAs, so that the example has some. The keys of service accounts are only handed on.
func sharedFiles() *pkibundle.Bundle {
	b := &pkibundle.Bundle{Files: []pkibundle.File{
		{Path: "etc/kubernetes/pki/sa.key", Role: "service-account-key"},
		{Path: "etc/kubernetes/pki/sa.pub", Role: "service-account-pub"},
	}}
	for name, role := range map[string]string{"ca": "cluster-ca", "etcd/ca": "etcd-ca", "front-proxy-ca": "front-proxy-ca"} {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			panic(err)
		}
		ca := &x509.Certificate{
			Subject: pkix.Name{CommonName: role}, NotAfter: time.Now().AddDate(10, 0, 0),
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		}
		cert, err := x509.CreateCertificate(rand.Reader, ca, ca, public, private)
		if err != nil {
			panic(err)
		}
		key, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			panic(err)
		}
		b.Files = append(b.Files,
			pkibundle.File{Path: "etc/kubernetes/pki/" + name + ".crt", Role: role + "-cert",
				Data: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})},
			pkibundle.File{Path: "etc/kubernetes/pki/" + name + ".key", Role: role + "-key",
				Data: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})},
		)
	}
	return b
}
