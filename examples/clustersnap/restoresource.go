package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/etcdsnap"
	etcdrestore "github.com/clustersnap/clustersnap/etcdsnap/restore"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/kubeadm/restore"
	"github.com/clustersnap/clustersnap/manifests/storage"
	"github.com/clustersnap/clustersnap/pkibundle"
)

// restoreSource gives a control-plane restore what is in a set.
type restoreSource struct {
	set    *clustersnap.Set
	bundle *pkibundle.Bundle
	root   string
	plan   *restore.Plan
}

// stage makes etcd's data, and holds the node's files against it.
func (r restoreSource) stage(ctx context.Context, dir string, last int64) (restore.Staged, error) {
	src, _, err := openSnapshot(r.set)
	if err != nil {
		return restore.Staged{}, err
	}
	defer src.Close()
	e := &r.plan.Node.Etcd
	member := etcdrestore.Member{Name: e.Name.Value, DataDir: dir}
	for _, u := range e.PeerURLs {
		member.PeerURLs = append(member.PeerURLs, u.Value)
	}
	age := max(0, time.Since(r.set.Created()))
	opts := etcdrestore.Options{Etcd: e.Version.Value, LastRevision: last}
	bar := watch("stage")
	defer bar.end()
	made, err := etcdrestore.Restore(ctx, bar.reader(src), []etcdrestore.Member{member}, age, opts)
	if err != nil {
		return restore.Staged{}, err
	}
	if made.Snapshot.Content == nil || made.Snapshot.Content.Keyspace == nil {
		return restore.Staged{}, fmt.Errorf("the keys of the snapshot were not counted")
	}
	staged := restore.Staged{Revision: made.Revision, Keys: made.Snapshot.Content.Keyspace.Keys, ClusterID: made.ClusterID}
	staged.ClusterUID, err = r.inspect(ctx, filepath.Join(dir, "member", "snap", "db"))
	return staged, err
}

// inspect reads the cluster's identity in restored data, and sees that the files belong to it.
func (r restoreSource) inspect(ctx context.Context, database string) (uid string, err error) {
	f, err := os.Open(database)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	db, err := etcdsnap.Open(f, info.Size())
	if err != nil {
		return "", err
	}
	results, err := paired(ctx, r.bundle, db)
	if err == nil {
		err = strangers(results)
	}
	if err != nil {
		return "", err
	}
	if r.plan.Node.APIServer == nil {
		return "", nil
	}
	kv, err := db.Get(ctx, r.plan.Node.APIServer.EtcdPrefix.Value+"/namespaces/kube-system", 0)
	if err != nil {
		return "", fmt.Errorf("look for namespace kube-system in the snapshot: %w", err)
	}
	meta, err := storage.ReadMeta(kv.Value)
	return meta.UID, err
}

// files writes those of the bundle that are to come back.
func (r restoreSource) files(_ context.Context, parent *os.Root, name string) error {
	node := kubeadm.NodeFS(r.root)
	changes, err := pkibundle.Changes(node, r.bundle)
	if err != nil {
		return err
	}
	some := toBring(r.bundle, changes)
	if len(some.Files) == 0 { // the node has all of them as they were
		return parent.Mkdir(name, 0o700)
	}
	return pkibundle.Extract(parent, name, some, pkibundle.ExtractOptions{Names: node})
}
