package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"time"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/etcdsnap/restore"
	"github.com/clustersnap/clustersnap/examples/store"
	"github.com/clustersnap/clustersnap/kubeadm"
)

// backing is a backup on its way. Its order is what makes its proofs hold: the volumes are cut first, so that no object says
// more than they have; the snapshot of etcd begins when the dump has its revision, so that it holds that; the files come after
// the snapshot, so that every key it needs is among them; and what is held against each other is what is in the set.
type backing struct {
	backupFlags
	out        steps
	now        time.Time
	recipients []age.Recipient

	nodeFS fs.FS
	node   *kubeadm.Node
	about  store.About
	api    *apiAccess // nil if the objects are left out
	set    *clustersnap.Writer
	result result
}

// backup writes one set, durable or absent. The error may be of a set that is there and lacks something: see its result.
func (b *backing) backup(ctx context.Context) (err error) {
	b.result = result{Version: resultVersion, Created: b.now, Verdict: verdictGood, Volumes: map[string]int{}}
	if err := b.look(); err != nil {
		return err
	}
	file, err := b.to.create(ctx, b.about)
	if err != nil {
		return err
	}
	defer file.Close() // removes it, unless committed
	sealed, err := age.Encrypt(file, b.recipients...)
	if err != nil {
		return err
	}
	b.set = clustersnap.NewWriter(sealed, b.now)
	if err := b.fill(ctx); err != nil {
		return err
	}
	b.about.Revision, b.about.Degraded = b.result.Revision, b.result.Verdict == verdictDegraded
	err = b.out.do("set", func(progress) (string, error) {
		if err := b.set.Close(); err != nil {
			return "", err
		}
		if err := sealed.Close(); err != nil {
			return "", err
		}
		where, size, err := file.Commit(ctx, b.about)
		if err != nil {
			return "", err
		}
		b.result.where, b.result.size = where, size
		return fmt.Sprintf("%s %s, encrypted for %s", mib(b.result.size), b.to.state(), count(len(b.recipients), "recipient")), nil
	})
	if err != nil {
		return err
	}
	b.result.say(b.out)
	return b.result.verdict()
}

// look reads the node, and finds the way to the API server.
func (b *backing) look() (err error) {
	b.nodeFS = kubeadm.NodeFS(b.root)
	if b.node, err = kubeadm.Read(b.nodeFS, kubeadm.Options{}); err != nil {
		return err
	}
	b.about, err = b.to.about(b.node, b.nodeFS, b.now)
	if b.result.Cluster, b.result.Node = b.about.Cluster, b.about.Node; err != nil && store.IsURL(b.to.to) {
		return err // a file needs no names
	}
	endpoint := b.node.Etcd.Endpoints[0]
	b.out.line("node", fmt.Sprintf("%s, etcd at %s by %s",
		cmp.Or(b.node.Etcd.Name.Value, "external etcd"), endpoint.Value, path.Base(endpoint.Source.File)))
	for _, warning := range b.node.Warnings {
		b.out.line("note", warning)
	}
	if b.etcdOnly {
		return nil
	}
	if b.api, err = findAPI(b.kubeconfig, b.root); err != nil {
		b.lacks("objects: " + err.Error())
		return nil
	}
	b.result.API, b.result.Credentials = b.api.Host, b.api.By
	b.out.line("api", fmt.Sprintf("%s by %s", b.api.Host, b.api.By))
	return nil
}

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
