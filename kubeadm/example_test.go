package kubeadm_test

import (
	"fmt"
	"log"
	"os"
	"testing/fstest"

	"github.com/clustersnap/clustersnap/kubeadm"
)

func ExampleRead() {
	// On a node this is kubeadm.NodeFS("/").
	manifest, err := os.ReadFile("testdata/v1.37/etcd.yaml")
	if err != nil {
		log.Fatal(err)
	}
	root := fstest.MapFS{
		"etc/kubernetes/manifests/etcd.yaml":             {Data: manifest},
		"etc/kubernetes/pki/etcd/healthcheck-client.crt": {},
		"etc/kubernetes/pki/etcd/healthcheck-client.key": {},
	}

	node, err := kubeadm.Read(root, kubeadm.Options{})
	if err != nil {
		log.Fatal(err)
	}
	etcd := node.Etcd
	fmt.Println(etcd.Name.Value, etcd.PeerURLs[0].Value)
	fmt.Println(etcd.Endpoints[0].Value, etcd.Credentials[0].Cert.Value)
	fmt.Println(etcd.DataDir.Value, "from", etcd.DataDir.Source)
	// Output:
	// cp-1 https://10.0.0.11:2380
	// https://127.0.0.1:2379 /etc/kubernetes/pki/etcd/healthcheck-client.crt
	// /var/lib/etcd from etc/kubernetes/manifests/etcd.yaml: container etcd: --data-dir
}
