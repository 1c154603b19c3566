package applies

import (
	"bytes"
	"context"
	"iter"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/ondisk"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/apply"
	"github.com/clustersnap/clustersnap/manifests/storage"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// receiver keeps the objects of a dump.
type receiver struct{ objects []manifests.Object }

func (r *receiver) Begin(manifests.Instant) error { r.objects = nil; return nil }

func (r *receiver) Object(o *manifests.Object) error {
	own := *o
	own.YAML = bytes.Clone(o.YAML)
	r.objects = append(r.objects, own)
	return nil
}

// dump takes the objects that keep picks from the live cluster.
func (p *place) dump(t testing.TB, keep func(*manifests.Object) bool) []apply.Object {
	t.Helper()
	var r receiver
	report, err := p.kinds.Dump(stuck(t), &r, manifests.Options{})
	must(t, err)
	if !report.Complete() {
		t.Fatalf("missing: %v", report.Missing())
	}
	return chosen(r.objects, keep)
}

func chosen(objects []manifests.Object, keep func(*manifests.Object) bool) []apply.Object {
	var all []apply.Object
	for _, o := range objects {
		if keep(&o) {
			all = append(all, apply.Object{Body: o.YAML, Class: o.Class})
		}
	}
	return all
}

// snapshot takes them from etcd, without an API server.
func (p *place) snapshot(t testing.TB, keep func(*manifests.Object) bool) []apply.Object {
	t.Helper()
	ctx, snapshot := stuck(t), ondisk.Open(t, ondisk.Snapshot(t, p.node.EtcdClient(t)))
	view, err := snapshot.View(ctx, "", 0)
	must(t, err)
	decoder, err := storage.NewDecoder(storage.Options{})
	must(t, err)
	t.Cleanup(decoder.Close)
	for kv, err := range view.Below(ctx, storage.DefinitionPrefix("")) {
		must(t, err)
		must(t, decoder.Learn(kv))
	}
	return readAll(t, decoder.Hashes(view, storage.Selection{}), keep)
}

// tree takes them from files.
func (p *place) tree(t testing.TB, keep func(*manifests.Object) bool) []apply.Object {
	t.Helper()
	saved := p.save(t, t.TempDir(), tree.Options{Secrets: tree.Include}, manifests.Options{})
	return readAll(t, saved, keep)
}

// save dumps the cluster into a tree, and reads it.
func (p *place) save(t testing.TB, dir string, opts tree.Options, of manifests.Options) *tree.Saved {
	t.Helper()
	saved, _ := ondisk.Tree(t, dir, opts, func(to *tree.Tree) (*manifests.Report, error) {
		return p.kinds.Dump(stuck(t), to, of)
	})
	return saved
}

// side is what both have.
type side interface {
	Entries(ctx context.Context) iter.Seq2[manifests.Entry, error]
	Object(ctx context.Context, e manifests.Entry) ([]byte, error)
}

func readAll(t testing.TB, from side, keep func(*manifests.Object) bool) []apply.Object {
	t.Helper()
	var entries []manifests.Entry
	for e, err := range from.Entries(stuck(t)) {
		must(t, err)
		entries = append(entries, e)
	}
	var objects []manifests.Object
	for _, e := range entries {
		text, err := from.Object(stuck(t), e)
		must(t, err)
		objects = append(objects, manifests.Object{Entry: e, YAML: text})
	}
	return chosen(objects, keep)
}

// of picks what is in a namespace, and the namespace.
func of(namespace string) func(*manifests.Object) bool {
	return func(o *manifests.Object) bool {
		return o.Namespace == namespace || o.Resource == "namespaces" && o.Name == namespace
	}
}
