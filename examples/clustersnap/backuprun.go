package main

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"path"
	"time"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap"
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
