package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/pkibundle"
)

// The members of a set, in the order in which they are written: each is added and read here. A backup adds more, each in the
// file that fills it.
const (
	nodeMember = "node.json"     // kubeadm.Node: what the backup was made from
	etcdMember = "etcd.snap.zst" // described by etcdsnap.Saved
	pkiMember  = "pki.tar.age"   // described by pkiInfo
)

// pkiInfo describes the sealed PKI without opening it.
type pkiInfo struct {
	Files  int    `json:"files"`
	Digest string `json:"digest"` // of the bundle's manifest
	// Missing are the files that something on the node names, and that the node does not have.
	Missing []pkibundle.Omission `json:"missing,omitempty"`
}

func addNode(set *clustersnap.Writer, node *kubeadm.Node) error {
	return set.Add(nodeMember, nil, func(w io.Writer) error { return json.NewEncoder(w).Encode(node) })
}

func readNode(set *clustersnap.Set) (*kubeadm.Node, error) {
	b, err := fs.ReadFile(set, nodeMember)
	if err != nil {
		return nil, err
	}
	var node kubeadm.Node
	if err := json.Unmarshal(b, &node); err != nil {
		return nil, fmt.Errorf("read %s: %w", nodeMember, err)
	}
	return &node, nil
}

// addSnapshot adds a verified snapshot of the node's etcd, and has also written to what wrap gives.
func addSnapshot(
	ctx context.Context, set *clustersnap.Writer, node *kubeadm.Node, nodeFS fs.FS, now time.Time, wrap func(io.Writer) io.Writer,
) (*etcdsnap.Saved, error) {
	config, _, err := node.Etcd.ClientTLS(nodeFS, now)
	if err != nil {
		return nil, err
	}
	client, err := etcdsnap.Dial(ctx, []string{node.Etcd.Endpoints[0].Value}, config, etcdsnap.DialOptions{})
	if err != nil {
		return nil, err
	}
	defer client.Close()
	var saved *etcdsnap.Saved // complete when it is described, after the save
	err = set.Add(etcdMember, &saved, clustersnap.Compressed(func(w io.Writer) (err error) {
		saved, err = etcdsnap.Save(ctx, wrap(w), client, etcdsnap.Options{})
		return err
	}))
	return saved, err
}

// openSnapshot reads the snapshot of a set, and says how it was described. The caller closes it.
func openSnapshot(set *clustersnap.Set) (io.ReadCloser, etcdsnap.Saved, error) {
	var saved etcdsnap.Saved
	if err := describe(set, etcdMember, &saved); err != nil {
		return nil, saved, err
	}
	member, err := set.Open(etcdMember)
	if err != nil {
		return nil, saved, err
	}
	plain, err := clustersnap.Decompress(member)
	if err != nil {
		return nil, saved, errors.Join(err, member.Close())
	}
	return plain, saved, nil // a member holds nothing open that its set does not
}

// addPKI adds the node's files, sealed once more: they may be handed on without etcd.
func addPKI(set *clustersnap.Writer, bundle *pkibundle.Bundle, recipients []age.Recipient, now time.Time) (pkiInfo, error) {
	info := pkiInfo{Files: len(bundle.Files)}
	for _, o := range bundle.Omitted {
		if !o.Harmless {
			info.Missing = append(info.Missing, o)
		}
	}
	err := set.Add(pkiMember, &info, func(w io.Writer) error {
		manifest, err := pkibundle.Seal(w, bundle, recipients, now, pkibundle.SealOptions{})
		if err == nil {
			info.Digest = manifest.Digest()
		}
		return err
	})
	return info, err
}

// openPKI opens the sealed files of a set. The caller clears the bundle.
func openPKI(set *clustersnap.Set, identities []age.Identity) (*pkibundle.Bundle, error) {
	var info pkiInfo
	if err := describe(set, pkiMember, &info); err != nil {
		return nil, err
	}
	f, err := set.Open(pkiMember)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	bundle, _, err := pkibundle.Open(f, identities, pkibundle.OpenOptions{Digest: info.Digest})
	if err != nil {
		return nil, err
	}
	return bundle, nil
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

// describe reads what the writer said of a member.
func describe(set *clustersnap.Set, name string, into any) error {
	for _, m := range set.Members() {
		if m.Name == name {
			if err := json.Unmarshal(m.Description, into); err != nil {
				return fmt.Errorf("read description of %s: %w", name, err)
			}
			return nil
		}
	}
	return fmt.Errorf("member %s: %w", name, fs.ErrNotExist)
}
