package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/kubeadm/rehost"
	"github.com/clustersnap/clustersnap/manifests/storage"
	"github.com/clustersnap/clustersnap/pkibundle"
)

// pastObjects are those of a snapshot that a move to another host goes by.
type pastObjects struct {
	rehost.Objects
	volumes []corev1.PersistentVolume
}

// readPast reads the Nodes, kubeadm's ConfigMaps and the volumes of a set's snapshot. Snapshots are read in place: this one
// lies for that long in a file without a name, on the disk where etcd's data is going to be.
func readPast(ctx context.Context, set *clustersnap.Set, files *pkibundle.Bundle, prefix, dir string) (*pastObjects, error) {
	src, _, err := openSnapshot(set)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	f, err := os.CreateTemp(nearestDir(dir), ".clustersnap-")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return nil, err
	}
	bar := watch("read")
	defer bar.end()
	size, err := io.Copy(f, bar.reader(src))
	if err != nil {
		return nil, err
	}
	db, err := etcdsnap.Open(f, size)
	if err != nil {
		return nil, err
	}
	var opts storage.Options
	for _, f := range files.With("encryption-config") {
		if f.Link == "" {
			opts.Encryption = f.Data
		}
	}
	decoder, err := storage.NewDecoder(opts)
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	past := &pastObjects{}
	for _, below := range []string{"/minions/", "/configmaps/kube-system/", "/configmaps/kube-public/", "/persistentvolumes/"} {
		if err := past.read(ctx, db, decoder, prefix+below); err != nil {
			return nil, fmt.Errorf("read %s of the snapshot: %w", prefix+below, err)
		}
	}
	if len(past.Nodes) == 0 {
		return nil, errors.New("the snapshot has no Node: is it one of a Kubernetes cluster?")
	}
	return past, nil
}

func (p *pastObjects) read(ctx context.Context, db *etcdsnap.Snapshot, decoder *storage.Decoder, prefix string) error {
	for kv, err := range db.Range(ctx, prefix, 0) {
		if err != nil {
			return err
		}
		value, _, err := decoder.Value(kv)
		if err != nil {
			return err
		}
		object, _, err := scheme.Codecs.UniversalDeserializer().Decode(value, nil, nil)
		if err != nil {
			return fmt.Errorf("%s is not understood", oneLine(string(kv.Key))) // the cause may show what stands there
		}
		p.take(object)
	}
	return nil
}

func (p *pastObjects) take(object runtime.Object) {
	switch o := object.(type) {
	case *corev1.Node:
		p.Nodes = append(p.Nodes, *o)
	case *corev1.ConfigMap:
		p.ConfigMaps = append(p.ConfigMaps, *o)
	case *corev1.PersistentVolume:
		p.volumes = append(p.volumes, *o)
	}
}

// onDiskOf lists the volumes that lie on the disk of a node, or may.
func (p *pastObjects) onDiskOf(node string) (lines []string) {
	for _, v := range p.volumes {
		claim := "no claim"
		if c := v.Spec.ClaimRef; c != nil {
			claim = "claim " + c.Namespace + "/" + c.Name
		}
		switch {
		case v.Spec.Local != nil && boundTo(&v, node):
			lines = append(lines, fmt.Sprintf("volume %s (%s) is local to node %s: its data stays there", v.Name, claim, node))
		case v.Spec.HostPath != nil:
			lines = append(lines, fmt.Sprintf("volume %s (%s) is a path on whichever node has it: if that is %s, its data stays there",
				v.Name, claim, node))
		}
	}
	return lines
}

// boundTo reports whether a volume can be used on a node alone.
func boundTo(v *corev1.PersistentVolume, node string) bool {
	if v.Spec.NodeAffinity == nil || v.Spec.NodeAffinity.Required == nil {
		return true
	}
	for _, term := range v.Spec.NodeAffinity.Required.NodeSelectorTerms {
		for _, e := range append(term.MatchExpressions, term.MatchFields...) {
			for _, value := range e.Values {
				if value == node {
					return true
				}
			}
		}
	}
	return false
}

// nearestDir is the directory itself, or the first one above that is there.
func nearestDir(dir string) string {
	for {
		if info, err := os.Stat(dir); err == nil && info.IsDir() || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}
