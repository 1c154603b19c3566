package clustersnap_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"filippo.io/age"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage/proof"
	"github.com/clustersnap/clustersnap/manifests/tree"
	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/pair"
	"github.com/clustersnap/clustersnap/volsnap"
)

// A control-plane node and its cluster backed up into one encrypted file, with the proof that it has everything, and the file
// verified. The clustersnap command follows this sequence. Each step stands where it does for a reason: what is said of the set
// would not hold in another order.
func Example_backupNode() {
	ctx, root, now := context.Background(), controlPlane(), time.Now() // on a node, root is "/"
	identity, err := age.GenerateHybridIdentity()
	check(err)
	recipient := identity.Recipient() // all that the node needs to know
	// Where etcd is, and how to reach it and the API server.
	nodeFS := kubeadm.NodeFS(root)
	node, err := kubeadm.Read(nodeFS, kubeadm.Options{})
	check(err)
	tlsConfig, _, err := node.Etcd.ClientTLS(nodeFS, now)
	check(err)
	etcd, err := etcdsnap.Dial(ctx, []string{node.Etcd.Endpoints[0].Value}, tlsConfig, etcdsnap.DialOptions{})
	check(err)
	defer etcd.Close()
	api, err := clientcmd.BuildConfigFromFlags("", filepath.Join(root, "etc/kubernetes/admin.conf"))
	check(err)

	// No file has this name before Commit.
	file, err := clustersnap.Create(filepath.Join(root, "cp1.clustersnap"))
	check(err)
	defer file.Close()
	sealed, err := age.Encrypt(file, recipient)
	check(err)
	set := clustersnap.NewWriter(sealed, now)
	addJSON(set, "node.json", node)

	// Volumes are cut first: no object of the set says more than they have.
	volumes, err := volsnap.NewCluster(api)
	check(err)
	plan, err := volumes.Plan(ctx, volsnap.Selection{}, volsnap.PlanOptions{})
	check(err)
	account, err := volumes.Take(ctx, plan, volsnap.TakeOptions{Run: "example"})
	check(err)
	addJSON(set, "account.json", account)

	// All objects at one instant. A snapshot that begins afterwards has that instant, too.
	cluster, err := manifests.NewCluster(api)
	check(err)
	waiting := newHeld()
	defer waiting.close()
	spool := tree.NewSpool(waiting)
	report, err := cluster.Dump(ctx, spool, manifests.Options{})
	check(err)
	objects, _ := waiting.read()
	dump, err := spool.Saved(report, objects)
	check(err)
	check(set.Add("manifests.tar.zst", report, clustersnap.Compressed(dump.Pack)))
	read := newHeld() // the snapshot once more, for the proofs
	defer read.close()
	var saved *etcdsnap.Saved // complete when it is described, after the save
	check(set.Add("etcd.snap.zst", &saved, clustersnap.Compressed(func(w io.Writer) error {
		saved, err = etcdsnap.Save(ctx, io.MultiWriter(w, read), etcd, etcdsnap.Options{})
		return err
	})))
	bundle, err := pkibundle.Collect(nodeFS, node.Files, programs(node)) // after the snapshot that needs its keys
	check(err)
	defer bundle.Clear()
	check(set.Add("pki.tar.age", nil, func(w io.Writer) error {
		_, err := pkibundle.Seal(w, bundle, []age.Recipient{recipient}, now, pkibundle.SealOptions{})
		return err
	}))

	// The proofs: do the files belong to the snapshot, and has the dump all that etcd has?
	snapshot, err := etcdsnap.Open(read.read())
	check(err)
	keys := func(yield func(key, value []byte) bool) {
		for kv, err := range snapshot.Range(ctx, "", 0) {
			if check(err); !yield(kv.Key, kv.Value) {
				return
			}
		}
	}
	for _, result := range pair.With(bundle, keys) {
		if result.State == pair.Mismatch {
			fmt.Println(result.Subject, result.Why)
		}
	}
	revision, err := strconv.ParseInt(report.ResourceVersion, 10, 64)
	check(err)
	view, err := snapshot.View(ctx, "", revision)
	check(err)
	everything, err := proof.Complete(ctx, proof.Dump{Report: report, Entries: dump.Entries(ctx)},
		proof.Store{Revision: view.Revision(), Keys: view.Keys(ctx)}, proof.Options{})
	check(err)
	addJSON(set, "completeness.json", everything)
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
	fmt.Println("complete:", everything.Complete())
}

func addJSON(set *clustersnap.Writer, name string, value any) {
	check(set.Add(name, nil, func(w io.Writer) error { return json.NewEncoder(w).Encode(value) }))
}

// held is a file for what is to be read again, encrypted with a key that nobody else has.
type held struct {
	io.WriteCloser
	file     *os.File
	identity *age.X25519Identity
}

func newHeld() *held {
	identity, err := age.GenerateX25519Identity()
	check(err)
	file, err := os.CreateTemp("", "clustersnap-*")
	check(err)
	sealed, err := age.Encrypt(file, identity.Recipient())
	check(err)
	return &held{sealed, file, identity}
}

// read ends what is written.
func (h *held) read() (io.ReaderAt, int64) {
	check(h.Close())
	info, err := h.file.Stat()
	check(err)
	plain, size, err := age.DecryptReaderAt(h.file, info.Size(), h.identity)
	check(err)
	return plain, size
}

func (h *held) close() {
	check(h.file.Close())
	check(os.Remove(h.file.Name()))
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
