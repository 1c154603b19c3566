package restore_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/clustersnap/clustersnap/etcdsnap/internal/bolttest"
	"github.com/clustersnap/clustersnap/etcdsnap/restore"
)

// A data directory for the one member that the others will join: etcd starts from it as it is.
func ExampleRestore() {
	dir, err := os.MkdirTemp("", "restore-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	snapshot := snapshotOf("/registry/configmaps/shop/prices", "tea: 4") // a file that etcdsnap.SaveFile has written
	result, err := restore.Restore(context.Background(), snapshot, []restore.Member{{
		Name:     "cp1",
		PeerURLs: []string{"https://10.0.0.11:2380"},
		DataDir:  filepath.Join(dir, "etcd"), // /var/lib/etcd on a node of kubeadm
	}}, time.Hour, restore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("the snapshot ends at revision %d, and the new etcd starts at %d\n", result.SnapshotRevision, result.Revision)
	list, err := os.ReadDir(filepath.Join(dir, "etcd", "member"))
	if err != nil {
		log.Fatal(err)
	}
	for _, entry := range list {
		fmt.Println(entry.Name())
	}
	// Output:
	// the snapshot ends at revision 4, and the new etcd starts at 1072000004
	// snap
	// wal
}

// A snapshot that etcd has started from, in a scratch directory that is empty again.
func ExampleProve() {
	scratch, err := os.MkdirTemp("", "prove-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(scratch)

	snapshot := snapshotOf("/registry/configmaps/shop/prices", "tea: 4")
	proof, err := restore.Prove(context.Background(), scratch, snapshot, restore.ProveOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("etcd has", proof.Keys, "key of", proof.Bytes, "bytes, as the snapshot")
	// Output:
	// etcd has 1 key of 6 bytes, as the snapshot
}

// snapshotOf is a snapshot of an etcd with one key.
func snapshotOf(key, value string) *bytes.Reader {
	items := bolttest.Items(bolttest.Put(4, key, value))
	return bytes.NewReader(bolttest.Layout{}.Make(bolttest.Bucket{Name: "key", Items: items}).Snapshot())
}
