package rehost_test

import (
	"fmt"
	"log"
	"net/netip"
	"os"
	"time"

	"github.com/clustersnap/clustersnap/kubeadm/rehost"
)

func ExampleManifests() {
	text, err := os.ReadFile("../testdata/v1.37/etcd.yaml")
	if err != nil {
		log.Fatal(err)
	}
	manifests := []rehost.File{{Path: "etc/kubernetes/manifests/etcd.yaml", Data: text}}
	from, err := rehost.HostOf(manifests)
	if err != nil {
		log.Fatal(err)
	}
	to := rehost.Host{Name: "cp-new", Address: netip.MustParseAddr("10.0.0.21")}
	moved, err := rehost.Manifests(manifests, from, to)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(from.Name, from.Address, "to", to.Name, to.Address)
	for _, c := range moved.Changes[3:4] {
		fmt.Println(c.Field, c.New)
	}
	fmt.Println(len(moved.Changes), "changes,", len(moved.Findings), "findings")
	// Output:
	// cp-1 10.0.0.11 to cp-new 10.0.0.21
	// spec.containers[etcd] --initial-cluster cp-new=https://10.0.0.21:2380
	// 7 changes, 0 findings
}

func ExampleJoin() {
	// As kubectl get nodes,configmaps,secrets -A -o yaml prints them, or from a snapshot.
	text, err := os.ReadFile("testdata/v1beta4/objects.yaml")
	if err != nil {
		log.Fatal(err)
	}
	objects, err := rehost.ReadObjects(text)
	if err != nil {
		log.Fatal(err)
	}
	host := rehost.Host{Name: "cp-1", Address: netip.MustParseAddr("10.0.0.11")}
	plan, err := rehost.Join(objects, host, host, []rehost.Other{
		{Name: "cp-2", State: rehost.Gone}, {Name: "cp-3", State: rehost.Gone}, {Name: "w-2", State: rehost.Gone},
	}, nil, time.Now())
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range plan.Steps {
		fmt.Printf("%s: %s\n", s.Where, s.Shell())
	}
	// Output:
	// cp-1: kubectl --kubeconfig /etc/kubernetes/admin.conf delete node cp-2
	// cp-1: kubectl --kubeconfig /etc/kubernetes/admin.conf delete node cp-3
	// cp-1: kubectl --kubeconfig /etc/kubernetes/admin.conf delete node w-2
	// w-1: systemctl restart kubelet
}
