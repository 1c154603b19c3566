package realnode

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/nodebundle"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/pkibundle"
)

// The rooms in this process, and so with whatever versions this test was built with: the newest, and
// once more those that the library requires at least.
func TestLibrary(t *testing.T) {
	ctx := context.Background()
	node := bed.ControlPlane(t, bed.Options{Encryption: true})
	root := kubeadm.NodeFS(node.Root)
	declared, err := kubeadm.Read(root, kubeadm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	etcd := declared.Etcd
	if etcd.Name.Value != node.Name || etcd.PeerURLs[0].Value != "https://"+node.Address+":2380" ||
		etcd.DataDir.Value != "/var/lib/etcd" || len(etcd.Endpoints) != 1 || etcd.Endpoints[0].Value != bed.EtcdEndpoint {
		t.Errorf("kubeadm.Read says %+v", etcd)
	}
	if _, _, err := etcd.ClientTLS(root, time.Now()); err != nil {
		t.Error(err)
	}

	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	set := clustersnap.NewWriter(&b, time.Now())
	var saved *etcdsnap.Saved
	err = set.Add("etcd.snap.zst", &saved, clustersnap.Compressed(func(w io.Writer) error {
		saved, err = etcdsnap.Save(ctx, w, node.EtcdClient(t), etcdsnap.Options{})
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := pkibundle.Collect(root, declared.Files, nodebundle.Programs(declared))
	if err != nil {
		t.Fatal(err)
	}
	err = set.Add("pki.tar.age", nil, func(w io.Writer) error {
		_, err := pkibundle.Seal(w, bundle, []age.Recipient{identity.Recipient()}, time.Now(), pkibundle.SealOptions{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Close(); err != nil {
		t.Fatal(err)
	}

	opened, err := clustersnap.Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	member, err := opened.Open("etcd.snap.zst")
	if err != nil {
		t.Fatal(err)
	}
	defer member.Close()
	content, err := clustersnap.Decompress(member)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	if info, err := etcdsnap.Verify(ctx, content, etcdsnap.VerifyOptions{}); err != nil || info.SHA256 != saved.SHA256 || info.Content.Hash != saved.Content.Hash {
		t.Errorf("verified as %+v (%v), saved as %+v", info, err, saved.Info)
	}
	sealed, err := opened.Open("pki.tar.age")
	if err != nil {
		t.Fatal(err)
	}
	defer sealed.Close()
	again, _, err := pkibundle.Open(sealed, []age.Identity{identity}, pkibundle.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// Without these a restored cluster is not the one that was saved.
	for _, name := range []string{
		"etc/kubernetes/pki/ca.key", "etc/kubernetes/pki/sa.key", "etc/kubernetes/pki/etcd/ca.key", "etc/kubernetes/pki/front-proxy-ca.key",
		"etc/kubernetes/manifests/kube-apiserver.yaml", "etc/kubernetes/super-admin.conf", bed.EncryptionConfig,
	} {
		i := slices.IndexFunc(again.Files, func(f pkibundle.File) bool { return f.Path == name })
		want, err := os.ReadFile(filepath.Join(node.Root, name))
		if err != nil {
			t.Fatal(err)
		}
		if i < 0 || !bytes.Equal(again.Files[i].Data, want) {
			t.Errorf("the bundle lacks %s as it is on the node", name)
		}
	}
}
