package clustersnap_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/pkibundle"
)

// A control-plane node backed up into one encrypted file, and the file verified. The clustersnap
// command follows this sequence.
func Example_backupNode() {
	ctx, root, now := context.Background(), demoNode(), time.Now() // on a node, root is "/"
	identity, err := age.GenerateHybridIdentity()
	check(err)
	recipient := identity.Recipient() // all that the node needs to know
	// Where etcd is, and how to reach it.
	nodeFS := kubeadm.NodeFS(root)
	node, err := kubeadm.Read(nodeFS, kubeadm.Options{})
	check(err)
	tlsConfig, _, err := node.Etcd.ClientTLS(nodeFS, time.Now())
	check(err)
	etcd, err := etcdsnap.Dial(ctx, []string{node.Etcd.Endpoints[0].Value}, tlsConfig, etcdsnap.DialOptions{})
	check(err)
	defer etcd.Close()

	// No file has this name before Commit.
	file, err := clustersnap.Create(filepath.Join(root, "cp1.clustersnap"))
	check(err)
	defer file.Close()
	sealed, err := age.Encrypt(file, recipient)
	check(err)
	set := clustersnap.NewWriter(sealed, now)
	check(set.Add("node.json", nil, func(w io.Writer) error {
		return json.NewEncoder(w).Encode(node)
	}))
	var saved *etcdsnap.Saved // complete when it is described, after the save
	check(set.Add("etcd.snap.zst", &saved, clustersnap.Compressed(func(w io.Writer) error {
		saved, err = etcdsnap.Save(ctx, w, etcd, etcdsnap.Options{})
		return err
	})))
	bundle, err := pkibundle.Collect(nodeFS, node.Files, programs(node)) // after the snapshot that needs its keys
	check(err)
	defer bundle.Clear()
	check(set.Add("pki.tar.age", nil, func(w io.Writer) error {
		_, err := pkibundle.Seal(w, bundle, []age.Recipient{recipient}, now, pkibundle.SealOptions{})
		return err
	}))
	check(set.Close())
	check(sealed.Close())
	check(file.Commit())
	// Read it back, wherever the identity is.
	backup, err := os.Open(filepath.Join(root, "cp1.clustersnap"))
	check(err)
	defer backup.Close()
	info, err := backup.Stat()
	check(err)
	plain, size, err := age.DecryptReaderAt(backup, info.Size(), identity)
	check(err)
	opened, err := clustersnap.Open(plain, size)
	check(err)
	for _, m := range opened.Members() {
		fmt.Println(m.Name)
	}
	fmt.Println("verified:", opened.Verify(ctx) == nil)
	// Output:
	// node.json
	// etcd.snap.zst
	// pki.tar.age
	// verified: true
}

// programs hands on what the node's programs read.
func programs(node *kubeadm.Node) (found []pkibundle.Program) {
	for _, p := range node.Programs {
		program := pkibundle.Program{Name: p.Name}
		for _, f := range p.Files {
			program.Files = append(program.Files, pkibundle.Reference{Flag: f.Source.Key, Path: f.Value})
		}
		for _, m := range p.Mounts {
			program.Mounts = append(program.Mounts, pkibundle.Mount(m))
		}
		found = append(found, program)
	}
	return found
}

// A snapshot that is compressed and counted on its way: both are writers around the destination. Two
// goroutines compress while etcd sends.
func ExampleCompressed() {
	ctx, root := context.Background(), demoNode()
	nodeFS := kubeadm.NodeFS(root)
	node, err := kubeadm.Read(nodeFS, kubeadm.Options{})
	check(err)
	tlsConfig, _, err := node.Etcd.ClientTLS(nodeFS, time.Now())
	check(err)
	etcd, err := etcdsnap.Dial(ctx, []string{node.Etcd.Endpoints[0].Value}, tlsConfig, etcdsnap.DialOptions{})
	check(err)
	defer etcd.Close()

	file, err := clustersnap.Create(filepath.Join(root, "etcd.snap.zst"))
	check(err)
	defer file.Close()
	var progress counter
	var saved *etcdsnap.Saved
	check(clustersnap.Compressed(func(w io.Writer) error {
		saved, err = etcdsnap.Save(ctx, io.MultiWriter(w, &progress), etcd, etcdsnap.Options{})
		return err
	})(file))
	check(file.Commit())

	compressed, err := os.Open(filepath.Join(root, "etcd.snap.zst"))
	check(err)
	defer compressed.Close()
	plain, err := clustersnap.Decompress(compressed)
	check(err)
	defer plain.Close()
	info, err := etcdsnap.Verify(ctx, plain, etcdsnap.VerifyOptions{})
	check(err)
	fmt.Println("all counted:", int64(progress) == saved.Size)
	fmt.Println("the same:", info.SHA256 == saved.SHA256)
	// Output:
	// all counted: true
	// the same: true
}

// counter counts what is written to it: a progress bar would show it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
