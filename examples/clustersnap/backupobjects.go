package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/manifests/storage/proof"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

const (
	objectsMember = "manifests.tar.zst" // described by manifests.Report: see tree.Unpack
	proofMember   = "completeness.json" // proof.Proof
)

// addObjects adds what the dump has, with the proof that it has everything that the snapshot has.
func (b *backing) addObjects(ctx context.Context, d *dumping, db *etcdsnap.Snapshot) error {
	<-d.ended
	b.result.timed("objects", d.took)
	if d.err != nil {
		b.lacks("objects: " + d.err.Error())
		return ctx.Err()
	}
	src, _, err := d.held.end()
	if err != nil {
		return err
	}
	saved, err := d.spool.Saved(d.report, src)
	if err != nil {
		return err
	}
	b.result.Objects, b.result.ResourceVersion = d.report.Objects, d.report.ResourceVersion
	b.out.line("objects", fmt.Sprintf("%s of %s at resource version %s (%.1f s, beside etcd)",
		count(d.report.Objects, "object"), d.report.ServerVersion, d.report.ResourceVersion, d.took.Seconds()))
	for _, o := range d.report.Missing() {
		b.out.line("missing", o.String())
		b.result.NotSaved = append(b.result.NotSaved, unsaved{What: "kind", Name: o.String(), Why: o.Why})
	}
	if lost := d.report.Missing(); len(lost) > 0 {
		b.lacks(count(len(lost), "kind") + " could not be listed" + rightsFor(lost))
	}
	if err := b.set.Add(objectsMember, d.report, clustersnap.Compressed(saved.Pack)); err != nil {
		return err
	}
	return b.proveObjects(ctx, saved, db)
}

// proveObjects holds the dump against the snapshot. A dump of another cluster is no part of a backup, and ends it.
func (b *backing) proveObjects(ctx context.Context, saved *tree.Saved, db *etcdsnap.Snapshot) error {
	var p *proof.Proof
	err := b.step("proof", func(progress) (_ string, err error) {
		if p, err = b.completeness(ctx, saved, db); err != nil {
			return "", err
		}
		return p.String(), b.add(proofMember, p)
	})
	switch {
	case errors.Is(err, proof.ErrOtherCluster), err == nil && p.Matched == 0 && p.Keys > 0:
		return fmt.Errorf("%s, by %s, is the API server of another cluster than this node's etcd: give its own --kubeconfig FILE",
			b.api.Host, b.api.By)
	case err != nil && ctx.Err() != nil:
		return err
	case err != nil:
		b.lacks("the proof of completeness: " + err.Error())
	case !p.Complete():
		b.lacks("the proof of completeness: " + p.String())
		b.sayUnproved(p)
	case p.Strength != proof.Exact:
		b.lacks("etcd no longer had what the dump saw: run the backup again")
	}
	return nil
}

func (b *backing) completeness(ctx context.Context, saved *tree.Saved, db *etcdsnap.Snapshot) (*proof.Proof, error) {
	encryption, err := b.encryption()
	if err != nil {
		return nil, err
	}
	defer clear(encryption)
	opts := proof.Options{Encryption: encryption}
	if b.node.APIServer != nil {
		opts.Prefix = b.node.APIServer.EtcdPrefix.Value
	}
	return proveAgainst(ctx, proof.Dump{Report: saved.Seen(), Entries: saved.Entries(ctx), Kept: kept(saved)}, db, opts)
}

// sayUnproved tells of what the dump does not have, the first ones on the screen.
func (b *backing) sayUnproved(p *proof.Proof) {
	said := 0
	for _, f := range p.Findings {
		if !spoils(f.Is) {
			continue
		}
		b.result.NotSaved = append(b.result.NotSaved,
			unsaved{What: cmp.Or(f.ObjectKind, f.Resource), Namespace: f.Namespace, Name: f.Name, Why: f.Why})
		if said++; said <= shown {
			b.out.line(string(f.Is), strings.TrimPrefix(f.String(), string(f.Is)+": "))
		} else if said == shown+1 {
			b.out.line(string(f.Is), "... and more: see "+proofMember+" in the set")
		}
	}
}
