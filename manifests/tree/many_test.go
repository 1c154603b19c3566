package tree_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// manySecrets are more than a dump keeps in memory. They are excluded, so that they have no files.
func manySecrets() *cluster {
	c := shop()
	for i := range 20_000 {
		c.set(fmt.Sprintf("secrets/number-%05d@many", i), "1")
	}
	return c
}

// commitAll hands on the objects in an order that no tree has, and commits.
func (c *cluster) commitAll(t *testing.T, to *tree.Tree) tree.Changes {
	t.Helper()
	report, err := newCluster(nil).dump(to)
	if err != nil {
		t.Fatal(err)
	}
	for k := range c.objects { // in the order of the map, which is none
		if err := to.Object(object(k, c.objects[k], fmt.Sprint(c.revision))); err != nil {
			t.Fatal(err)
		}
	}
	for kind := range c.kinds {
		report.Outcomes = append(report.Outcomes, manifests.Outcome{
			Resource: manifests.Resource{Group: kind[1], Version: "v1", Resource: kind[0], Kind: "X"}, State: manifests.Listed,
		})
	}
	changes, err := to.Commit(report)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

// A dump of more objects than are kept in memory is what a small one is: complete, sorted, and held against the one before.
func TestManyObjects(t *testing.T) {
	dir, c := t.TempDir(), manySecrets()
	to, err := tree.Open(openRoot(t, dir), tree.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if changes := c.commitAll(t, to); changes.Objects != len(c.objects) || changes.Excluded < 20_000 {
		t.Errorf("first: %d objects, %d excluded", changes.Objects, changes.Excluded)
	}
	holdsAll(t, dir, c)
	if changes := c.commitAll(t, to); !changes.Quiet() || changes.Objects != len(c.objects) {
		t.Errorf("again: %d objects, index: %t, %d changed", changes.Objects, changes.Index, len(changes.Changed))
	}
	holdsAll(t, dir, c)
	for i := range 5000 {
		c.delete(fmt.Sprintf("secrets/number-%05d@many", 3*i))
	}
	c.set("secrets/last@many", "1")
	c.set("configmaps/web@shop", "new")
	c.delete("deployments.apps/web@bank")
	changes := c.commitAll(t, to)
	if changes.Objects != len(c.objects) || len(changes.Changed) != 1 || len(changes.Removed) != 1 || !changes.Index {
		t.Errorf("changed: %+v", changes)
	}
	holdsAll(t, dir, c)
	if left, err := os.ReadDir(filepath.Join(dir, ".clustersnap")); err != nil || len(left) != 3 {
		t.Errorf("left are %v, %v", left, err)
	}
}

// holdsAll holds the entries of a tree against the cluster.
func holdsAll(t *testing.T, dir string, c *cluster) {
	t.Helper()
	saved, err := tree.Read(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	var got []manifests.Key
	for e, err := range saved.Entries(t.Context()) {
		if err != nil || e.UID != "uid of "+e.Key.String() || !strings.HasPrefix(e.ResourceVersion, "2") {
			t.Fatalf("%+v, %v", e, err)
		}
		got = append(got, e.Key)
	}
	if !slices.Equal(got, slices.SortedFunc(maps.Keys(c.objects), manifests.Key.Compare)) {
		t.Errorf("%d entries, which are not the %d objects in their order", len(got), len(c.objects))
	}
}

// An object that comes twice is refused, be the first one in memory or on disk by then.
func TestManyObjectsAndOneTwice(t *testing.T) {
	to, err := tree.Open(openRoot(t, t.TempDir()), tree.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if err := to.Begin(manifests.Instant{}); err != nil {
		t.Fatal(err)
	}
	for i := range 10_000 {
		if err := to.Object(object(key(fmt.Sprintf("secrets/number-%05d@many", i)), "1", "1")); err != nil {
			t.Fatal(err)
		}
	}
	if err := to.Object(object(key("secrets/number-00003@many"), "1", "1")); err == nil {
		t.Error("one comes twice, and is taken")
	}
}

// What is on disk of a dump that was killed is dropped.
func TestManyObjectsKilled(t *testing.T) {
	before, spilled := shopNow(t), 0
	for die := 0; spilled < 2; die++ {
		dir := copied(t, before)
		step := run(t, "many", dir, die)
		if step == "" {
			t.Fatalf("%d steps stage what is known, want 2", spilled)
		}
		if strings.HasPrefix(step, "stage what is known") {
			spilled++
		}
		shop().holds(t, dir)
		run(t, "open", dir, 1000)
		shop().holds(t, dir)
		if left, _ := os.ReadDir(filepath.Join(dir, ".clustersnap", "stage")); len(left) > 0 {
			t.Errorf("killed at %q and opened again: the stage has %v", step, left)
		}
	}
}

// An index that somebody else has put there while a dump was on its way is not overwritten by what was held against another.
func TestIndexChangedMeanwhile(t *testing.T) {
	older := shopNow(t)
	index, err := os.ReadFile(filepath.Join(older, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	dir := shopNow(t)
	shopLater().into(t, dir, tree.Options{})
	to, err := tree.Open(openRoot(t, dir), tree.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	put(t, dir, "index.json", string(index))
	before := listing(t, dir)
	if _, err := shop().commit(to); !errors.Is(err, tree.ErrCorrupt) || !strings.Contains(err.Error(), "meanwhile") {
		t.Errorf("%v, want ErrCorrupt", err)
	}
	if !maps.Equal(listing(t, dir), before) {
		t.Error("files have changed")
	}
}

// A tree that stays open sees what has become of its files since the dump before.
func TestEditedBetweenDumps(t *testing.T) {
	dir, c := t.TempDir(), shop()
	to, err := tree.Open(openRoot(t, dir), tree.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if _, err := c.commit(to); err != nil {
		t.Fatal(err)
	}
	const edited = "namespaces/shop/configmaps/web.yaml"
	put(t, dir, edited, "edited")
	put(t, dir, "cluster/notes.txt", "mine")
	changes, err := c.commit(to)
	strays := []string{"cluster/notes.txt"}
	if err != nil || !slices.Equal(changes.Healed, []string{edited}) || !slices.Equal(changes.Strays, strays) {
		t.Errorf("%+v, %v", changes, err)
	}
	c.holds(t, dir)
}
