package etcdsnap_test

import (
	"bytes"
	"context"
	"fmt"
	"log"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/etcdsnap/internal/bolttest"
)

// What a snapshot holds, once every byte of it was looked at.
func ExampleVerify() {
	snapshot := bytes.NewReader(savedEarlier()) // a file that SaveFile has written

	info, err := etcdsnap.Verify(context.Background(), snapshot, etcdsnap.VerifyOptions{})
	if err != nil {
		log.Fatal(err)
	}
	content := info.Content
	fmt.Println("revision", content.Revision, "of etcd", content.ClusterVersion)
	for _, r := range content.Keyspace.Resources {
		fmt.Println(r.Resource, r.Keys)
	}
	// Output:
	// revision 5 of etcd 3.6.0
	// configmaps 1
	// secrets 1
}

// A key as it is, and as it was.
func ExampleOpen() {
	file := bytes.NewReader(savedEarlier())
	snapshot, err := etcdsnap.Open(file, file.Size())
	if err != nil {
		log.Fatal(err)
	}
	for _, revision := range []int64{0, 3} { // 0 is the latest
		kv, err := snapshot.Get(context.Background(), "/registry/configmaps/shop/prices", revision)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s at revision %d\n", kv.Value, kv.ModRevision)
	}
	// Output:
	// tea: 4 at revision 5
	// tea: 3 at revision 3
}

// savedEarlier is a snapshot of a small etcd.
func savedEarlier() []byte {
	edited := bolttest.Record{Main: 5, Key: "/registry/configmaps/shop/prices", Value: "tea: 4", Create: 3, Version: 2}
	return bolttest.Layout{}.Make(
		bolttest.Bucket{Name: "cluster", Items: []bolttest.Item{{Key: []byte("clusterVersion"), Value: []byte("3.6.0")}}},
		bolttest.Bucket{Name: "key", Items: bolttest.Items(
			bolttest.Put(3, "/registry/configmaps/shop/prices", "tea: 3"),
			bolttest.Put(4, "/registry/secrets/shop/door", "sesame"),
			edited,
		)},
	).Snapshot()
}
