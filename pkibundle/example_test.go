package pkibundle_test

import (
	"bytes"
	"fmt"
	"log"
	"testing/fstest"

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

	bundle, err := pkibundle.Collect(node, []string{"etc/kubernetes/pki", "etc/kubernetes/admin.conf"})
	if err != nil {
		log.Fatal(err)
	}
	defer bundle.Clear()
	var file bytes.Buffer
	sealed, err := pkibundle.Seal(&file, bundle, identity.Recipient())
	if err != nil {
		log.Fatal(err)
	}

	opened, manifest, err := pkibundle.Open(&file, identity)
	if err != nil {
		log.Fatal(err)
	}
	defer opened.Clear()
	fmt.Println("same digest:", manifest.Digest() == sealed.Digest())
	for _, f := range opened.Files {
		fmt.Println(f.Mode, f.Path)
	}
	fmt.Println(opened)
	// Output:
	// same digest: true
	// -rw------- etc/kubernetes/admin.conf
	// -rw-r--r-- etc/kubernetes/pki/ca.crt
	// -rw------- etc/kubernetes/pki/ca.key
	// -rw-r--r-- etc/kubernetes/pki/etcd/ca.crt
	// bundle of 4 files, 43 bytes [redacted]
}
