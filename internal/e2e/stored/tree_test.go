package stored

import (
	"slices"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/ondisk"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// trees holds that a snapshot over the tree of the live cluster changes nothing but what is stored in another form, or is not
// shown at all.
func trees(t *testing.T, node *bed.Node) {
	dir := t.TempDir()
	var p pair
	var err error
	at := manifests.Instant{}
	first := into(t, dir, func(to *tree.Tree) (*manifests.Report, error) {
		report, snapshot := live(t, node, to, manifests.Options{})
		decoder, v := view(t, snapshot, report.Instant, storage.Options{})
		p.offline, err = decoder.Dump(stuck(t), v.Keys(stuck(t)), report.Instant, &p.stored, storage.Selection{})
		at = report.Instant
		return report, err
	})
	if len(first.Added) < 400 {
		t.Errorf("the live tree has %d files", len(first.Added))
	}
	second := into(t, dir, func(to *tree.Tree) (*manifests.Report, error) {
		must(t, to.Begin(at))
		for _, o := range p.stored.objects {
			must(t, to.Object(o))
		}
		return p.offline, nil
	})
	if len(second.Removed) > 0 || len(second.Kept) > 0 || len(second.Added) != 1 || !strings.Contains(second.Added[0], unserved) {
		t.Errorf("the snapshot has added %q, removed %q and kept %q", second.Added, second.Removed, second.Kept)
	}
	for _, file := range second.Changed {
		kind := strings.Split(file, "/")[1]
		if otherwise[kind] == "" {
			t.Errorf("the snapshot has changed %s", file)
		}
	}
	if len(second.Changed) < len(otherwise) || !slices.IsSorted(second.Changed) {
		t.Errorf("the snapshot has changed %q", second.Changed)
	}
}

// into writes a dump into the tree in a directory.
func into(t *testing.T, dir string, dump func(to *tree.Tree) (*manifests.Report, error)) tree.Changes {
	t.Helper()
	_, changes := ondisk.Tree(t, dir, tree.Options{Secrets: tree.Include}, dump)
	return changes
}
