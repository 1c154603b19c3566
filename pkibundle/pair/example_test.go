package pair_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/pair"
)

// The files of one cluster beside the snapshot of another: nobody would get into what is restored of the two.
func ExampleWith() {
	files := &pkibundle.Bundle{Files: []pkibundle.File{ // as Collect finds them on a node
		{Path: "etc/kubernetes/pki/ca.crt", Role: "cluster-ca-cert", Data: newCA()},
	}}
	configMap, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]string{"ca.crt": string(newCA())},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	results := pair.With(files, func(yield func(key, value []byte) bool) { // as a snapshot has them
		yield([]byte("/registry/configmaps/default/kube-root-ca.crt"), configMap)
	})
	for _, r := range results {
		if r.State == pair.Mismatch {
			fmt.Printf("%s: %s\n", r.Subject, r.Why)
		}
	}
	// Output:
	// cluster-ca: etc/kubernetes/pki/ca.crt: another CA than in ConfigMap default/kube-root-ca.crt, and so in all of 1 namespace
}

// newCA makes a CA, of which nobody has the key.
func newCA() []byte {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	ca := &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	cert, err := x509.CreateCertificate(rand.Reader, ca, ca, public, private)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
}
