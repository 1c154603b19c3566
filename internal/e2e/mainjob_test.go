package e2e

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/clustersnap/clustersnap/examples/demonode"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/kubeadm"
)

// The main job: back up, lose everything, restore, and boot with the manifest's own flags.
func TestMainJob(t *testing.T) {
	ctx := context.Background()
	node := startNode(t)
	recipient, key := command.KeyPair(t)
	set := filepath.Join(t.TempDir(), "set")

	if err := node.PutConfigMap(ctx, "default", "a", map[string]string{"from": "before"}); err != nil {
		t.Fatal(err)
	}
	before := dump(t, node)
	command.Good(t, command.Run(t, "", "backup", "--etcd-only", "--root", node.Root, "--to", set, "--recipient", recipient))
	if err := node.PutConfigMap(ctx, "default", "b", map[string]string{"from": "after"}); err != nil {
		t.Fatal(err)
	}
	last := revision(t, node)
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	dataDir := filepath.Join(node.Root, "var/lib/etcd")
	if err := os.RemoveAll(dataDir); err != nil {
		t.Fatal(err)
	}

	command.Good(t, command.Run(t, "", "prove", "boot", set, "--identity", key, "--scratch", t.TempDir()))
	command.Good(t, command.Run(t, "", "etcd", "restore", set, "--identity", key, "--data-dir", dataDir))
	if err := node.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if differs := demonode.Diff(before, dump(t, node)); len(differs) > 0 {
		t.Errorf("after the restore: %q", differs)
	}
	if now := revision(t, node); now < last+1e9 {
		t.Errorf("revision %d, and clients have seen %d", now, last)
	}
	client := connect(t, node)
	if r := <-client.Watch(ctx, "/registry/", clientv3.WithPrefix(), clientv3.WithRev(last)); !errors.Is(r.Err(), rpctypes.ErrCompacted) {
		t.Errorf("a watch from revision %d gets %v, want ErrCompacted", last, r.Err())
	}
	if err := node.PutConfigMap(ctx, "default", "c", map[string]string{"from": "restored"}); err != nil {
		t.Error(err)
	}
	members, err := client.MemberList(ctx)
	if err != nil {
		t.Fatal(err)
	}
	declared, err := kubeadm.Read(kubeadm.NodeFS(node.Root), kubeadm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if m := members.Members; len(m) != 1 || m[0].Name != declared.Etcd.Name.Value || m[0].PeerURLs[0] != declared.Etcd.PeerURLs[0].Value {
		t.Errorf("members %v, want the one that the manifest declares", m)
	}
}

func connect(t *testing.T, node *demonode.Node) *clientv3.Client {
	t.Helper()
	client, err := node.Client()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func dump(t *testing.T, node *demonode.Node) map[string]demonode.Record {
	t.Helper()
	records, err := demonode.Dump(context.Background(), connect(t, node))
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func revision(t *testing.T, node *demonode.Node) int64 {
	t.Helper()
	r, err := connect(t, node).Get(context.Background(), "x")
	if err != nil {
		t.Fatal(err)
	}
	return r.Header.Revision
}
