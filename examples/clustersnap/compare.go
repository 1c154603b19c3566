package main

import (
	"context"
	"errors"
	"fmt"

	"filippo.io/age"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/clustersnap/clustersnap/examples/demonode"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/pkibundle"
)

func dump(ctx context.Context, node *demonode.Node) (map[string]demonode.Record, error) {
	client, err := node.Client()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return demonode.Dump(ctx, client)
}

// compare holds the restored etcd against what it was, and asks it what a kubelet would.
func compare(ctx context.Context, out steps, node *demonode.Node, before map[string]demonode.Record) error {
	after, err := dump(ctx, node)
	if err != nil {
		return err
	}
	if differs := demonode.Diff(before, after); len(differs) > 0 {
		return fmt.Errorf("%d keys differ after the restore, such as: %s", len(differs), differs[0])
	}
	out.line("compare", fmt.Sprintf("%d of %d keys back, values, revisions and versions as they were", len(after), len(before)))
	client, err := node.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	old := int64(0)
	for _, r := range before {
		old = max(old, r.ModRevision)
	}
	response := <-client.Watch(ctx, "/registry/", clientv3.WithPrefix(), clientv3.WithRev(old))
	if !errors.Is(response.Err(), rpctypes.ErrCompacted) {
		return fmt.Errorf("a watch from revision %d was answered with %v instead of \"compacted\"", old, response.Err())
	}
	out.line("watch", fmt.Sprintf("a watch from revision %d, of before, is told to list anew", old))
	return nil
}

// comparePKI holds what was sealed against what is on the node.
func comparePKI(ctx context.Context, out steps, name, root string, identities []age.Identity) error {
	set, f, err := openSet(ctx, name, identities)
	if err != nil {
		return err
	}
	defer f.Close()
	bundle, err := openPKI(set, identities)
	if err != nil {
		return err
	}
	defer bundle.Clear()
	changes, err := pkibundle.Changes(kubeadm.NodeFS(root), bundle)
	if err != nil {
		return err
	}
	if len(changes) > 0 {
		return fmt.Errorf("the node's files are not as they were sealed: a restore would %s", changes[0])
	}
	out.line("compare", fmt.Sprintf("%d sealed files are those of the node, byte for byte", len(bundle.Files)))
	return nil
}
