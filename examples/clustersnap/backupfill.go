package main

import (
	"context"
	"io"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/etcdsnap/restore"
)

// fill adds all members.
func (b *backing) fill(ctx context.Context) error {
	if err := addNode(b.set, b.node); err != nil {
		return err
	}
	keys, err := b.encryptionDigest()
	if err != nil {
		return err
	}
	var dump *dumping
	if b.api != nil {
		b.cutVolumes(ctx)
		if dump, err = b.startDump(ctx); err != nil {
			return err
		}
		defer dump.close()
	}
	held, err := newScratch(b.scratch)
	if err != nil {
		return err
	}
	defer held.Close()
	if err := b.saveEtcd(ctx, held); err != nil {
		return err
	}
	bundle, err := b.sealPKI()
	if err != nil {
		return err
	}
	defer bundle.Clear()
	if err := b.sameEncryption(keys); err != nil {
		return err
	}
	src, size, err := held.end()
	if err != nil {
		return err
	}
	db, err := etcdsnap.Open(src, size)
	if err != nil {
		return err
	}
	if err := b.pairUp(ctx, bundle, db); err != nil {
		return err
	}
	if dump != nil {
		if err := b.addObjects(ctx, dump, db); err != nil {
			return err
		}
	}
	if err := b.proveBoot(ctx, io.NewSectionReader(src, 0, size)); err != nil {
		return err
	}
	return b.add(resultMember, &b.result)
}

// saveEtcd adds the snapshot of etcd, and has it written to a scratch file for the proofs.
func (b *backing) saveEtcd(ctx context.Context, held io.Writer) error {
	return b.step("etcd", func(p progress) (string, error) {
		wrap := func(w io.Writer) io.Writer { return io.MultiWriter(p.wrap(w), held) }
		saved, err := addSnapshot(ctx, b.set, b.node, b.nodeFS, b.now, wrap)
		if err != nil {
			return "", err
		}
		if b.result.Revision = saved.MinRevision; saved.Content != nil {
			b.result.Revision = saved.Content.Revision
		}
		return describeSnapshot(saved.Info, "etcd "+saved.Member.Version), nil
	})
}

const bootMember = "boot.json" // restore.Proof

// proveBoot boots etcd on the snapshot, if that was asked for.
func (b *backing) proveBoot(ctx context.Context, snapshot io.Reader) error {
	if !b.prove {
		return nil
	}
	err := b.step("boot", func(p progress) (string, error) {
		proof, err := restore.Prove(ctx, b.scratch, p.reader(snapshot), restore.ProveOptions{})
		if err != nil {
			return "", err
		}
		return describeBoot(proof), b.add(bootMember, proof)
	})
	if err != nil && ctx.Err() == nil {
		b.lacks("the boot proof: " + err.Error())
		return nil
	}
	return err
}
