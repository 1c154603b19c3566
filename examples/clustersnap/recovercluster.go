package main

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

// kubeSystem is the namespace whose uid is the identity of a cluster: it is made with it, and outlives a restore of etcd.
var kubeSystem = manifests.Key{Resource: "namespaces", Name: "kube-system"}

// sameCluster refuses to bring the objects of one cluster to another, which nobody does by mistake twice. A source that does
// not say which one it is of is taken for one of this.
func (r *recovery) sameCluster(ctx context.Context, out steps, from *source) error {
	was, err := from.cluster(ctx)
	if err != nil || was == "" || r.other {
		return err
	}
	live, err := connect(r.of.kubeconfig)
	if err != nil {
		return err
	}
	is, err := live.Get(ctx, kubeSystem, manifests.Faithful)
	switch {
	case apierrors.IsForbidden(err):
		out.line("note", "these credentials may not get namespace kube-system: whether it is of this cluster is not known")
		return nil
	case err != nil:
		return fmt.Errorf("see which cluster this is: %w", err)
	case is.UID != was:
		return fmt.Errorf("it is of another cluster: its kube-system has uid %s, and that of this one is %s: give the "+
			"--kubeconfig of its own, or --other-cluster if this one is meant", was, is.UID)
	}
	return nil
}

// cluster is the uid of a source's kube-system, empty if it has none.
func (s *source) cluster(ctx context.Context) (string, error) {
	if s.snapshot != nil {
		kv, err := s.snapshot.view.Get(ctx, storage.EtcdKey(kubeSystem, s.prefix))
		if errors.Is(err, etcdsnap.ErrNotFound) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		e, err := s.snapshot.decoder.Entry(kv)
		return e.UID, err
	}
	list, err := s.entries(ctx)
	for _, e := range list {
		if e.Key == kubeSystem {
			return e.UID, err
		}
	}
	return "", err
}
