package pkibundle_test

import (
	"bytes"
	"fmt"
	"log"
	"testing/fstest"
	"time"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap/pkibundle"
)

func Example() {
	node := fstest.MapFS{ // os.DirFS("/") on a node
		"etc/kubernetes/pki/ca.crt":      {Data: []byte("certificate"), Mode: 0o644},
		"etc/kubernetes/pki/ca.key":      {Data: []byte("private key"), Mode: 0o600},
		"etc/kubernetes/pki/etcd/ca.crt": {Data: []byte("certificate"), Mode: 0o644},
		"etc/kubernetes/admin.conf":      {Data: []byte("kubeconfig"), Mode: 0o600},
	}
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		log.Fatal(err)
	}

	bundle, err := pkibundle.Collect(node, []string{"etc/kubernetes/pki", "etc/kubernetes/admin.conf"}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer bundle.Clear()
	var file bytes.Buffer
	sealed, err := pkibundle.Seal(&file, bundle, []age.Recipient{identity.Recipient()}, time.Now(), pkibundle.SealOptions{})
	if err != nil {
		log.Fatal(err)
	}

	opened, manifest, err := pkibundle.Open(&file, []age.Identity{identity}, pkibundle.OpenOptions{Digest: sealed.Digest()})
	if err != nil {
		log.Fatal(err)
	}
	defer opened.Clear()
	for _, f := range manifest.Files {
		fmt.Println(f.Mode, f.Path, f.Role)
	}
	fmt.Println(opened)
	// Output:
	// -rw------- etc/kubernetes/admin.conf admin-kubeconfig
	// -rw-r--r-- etc/kubernetes/pki/ca.crt cluster-ca-cert
	// -rw------- etc/kubernetes/pki/ca.key cluster-ca-key
	// -rw-r--r-- etc/kubernetes/pki/etcd/ca.crt etcd-ca-cert
	// bundle of 4 files, 43 bytes [redacted]
}
