package applies

import (
	"bytes"
	"context"
	"iter"
	"os"
	"path/filepath"
	"testing"

	"github.com/clustersnap/clustersnap/etcdsnap"
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
	ctx, path := stuck(t), filepath.Join(t.TempDir(), "snapshot.db")
	_, err := etcdsnap.SaveFile(ctx, path, p.node.EtcdClient(t), etcdsnap.Options{})
	must(t, err)
	f, err := os.Open(path)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	must(t, err)
	snapshot, err := etcdsnap.Open(f, info.Size())
	must(t, err)
	view, err := snapshot.View(ctx, "", 0)
	must(t, err)
	decoder, err := storage.NewDecoder(storage.Options{})
	must(t, err)
	t.Cleanup(decoder.Close)
	for kv, err := range view.Below(ctx, storage.DefinitionPrefix("")) {
		must(t, err)
		must(t, decoder.Learn(kv))
	}
	return readAll(t, storage.Hashes(view, decoder, storage.Selection{}), keep)
}

// tree takes them from files.
func (p *place) tree(t testing.TB, keep func(*manifests.Object) bool) []apply.Object {
	t.Helper()
	root, err := os.OpenRoot(t.TempDir())
	must(t, err)
	defer root.Close()
	to, err := tree.Open(root, tree.Options{Secrets: tree.Include})
	must(t, err)
	defer to.Close()
	report, err := p.kinds.Dump(stuck(t), to, manifests.Options{})
	must(t, err)
	_, err = to.Commit(report)
	must(t, err)
	saved, err := tree.Read(root.FS())
	must(t, err)
	return readAll(t, saved, keep)
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
