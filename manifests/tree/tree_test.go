package tree_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

func TestChangedFilesOnly(t *testing.T) {
	dir, c := t.TempDir(), shop()
	if changes := c.into(t, dir, tree.Options{}); len(changes.Added) != 9 || changes.Objects != 9 || changes.Quiet() {
		t.Errorf("the first dump: %+v", changes)
	}
	c.holds(t, dir)
	first := files(t, dir)
	if len(first) != 9+2 { // the index and .gitattributes
		t.Errorf("the tree has %q", slices.Sorted(maps.Keys(first)))
	}

	c.revision++ // somebody wrote something, and nothing that is dumped
	if changes := c.into(t, dir, tree.Options{}); !changes.Quiet() {
		t.Errorf("nothing has changed: %+v", changes)
	}
	if again := files(t, dir); !maps.Equal(again, first) {
		t.Error("nothing has changed, and a file was touched")
	}
	c.holds(t, dir)

	c.set("deployments.apps/web@shop", "new")
	c.set("ingresses.networking.k8s.io/web@shop", "added")
	c.delete("deployments.apps/web@bank")
	changes := c.into(t, dir, tree.Options{})
	want := tree.Changes{
		Added:   []string{"namespaces/shop/ingresses.networking.k8s.io/web.yaml"},
		Changed: []string{"namespaces/shop/deployments.apps/web.yaml"},
		Removed: []string{"namespaces/bank/deployments.apps/web.yaml"},
		Objects: 9, Index: true,
	}
	if !reflect.DeepEqual(changes, want) {
		t.Errorf("got %+v, want %+v", changes, want)
	}
	c.holds(t, dir)
	now := files(t, dir)
	for name, text := range first {
		touched := slices.Contains([]string{"index.json", want.Changed[0], want.Removed[0]}, name)
		if (now[name] != text) != touched {
			t.Errorf("%s: touched is %t, want %t", name, now[name] != text, touched)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "namespaces", "bank")); err == nil {
		t.Error("the directory of a namespace without objects is left")
	}
}

// From some number of files on they are synced all at once.
func TestManyFiles(t *testing.T) {
	dir, c := t.TempDir(), newCluster(nil)
	for i := range 200 {
		c.set(fmt.Sprintf("configmaps/c%d@n%d", i, i/2), "1")
	}
	if changes := c.into(t, dir, tree.Options{}); len(changes.Added) != 200 {
		t.Errorf("%d were added", len(changes.Added))
	}
	c.holds(t, dir)
	to, err := unpack(t, packed(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	c.holds(t, to)
}

// The API server takes names of some kinds as long as a request may be.
func TestLongNames(t *testing.T) {
	dir, c := t.TempDir(), shop()
	c.set("roles.rbac.authorization.k8s.io/"+strings.Repeat("a", 100<<10)+"@shop", "x")
	c.into(t, dir, tree.Options{})
	c.holds(t, dir)
	if changes := c.into(t, dir, tree.Options{}); !changes.Quiet() {
		t.Errorf("again: %d changed", len(changes.Changed)+len(changes.Added))
	}
	if to, err := unpack(t, packed(t, dir)); err != nil {
		t.Error(err)
	} else {
		c.holds(t, to)
	}
}

func TestModes(t *testing.T) {
	dir := t.TempDir()
	shop().into(t, dir, tree.Options{})
	err := filepath.WalkDir(dir, func(name string, entry os.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		info, err := entry.Info()
		if want := map[bool]os.FileMode{true: 0o700, false: 0o600}[entry.IsDir()]; err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has %v, want %v: %v", name, info.Mode(), want, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A dump that starts over at another instant has touched nothing, and one that is not committed leaves nothing.
func TestNothingBeforeCommit(t *testing.T) {
	dir, c := t.TempDir(), shop()
	c.into(t, dir, tree.Options{})
	before := files(t, dir)
	to, err := tree.Open(openRoot(t, dir), tree.Options{})
	if err != nil {
		t.Fatal(err)
	}
	early := shop()
	early.set("deployments.apps/web@shop", "lost")
	early.set("deployments.apps/short@shop", "lived")
	if _, err := early.dump(to); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(files(t, dir), before) {
		t.Error("a file was touched before Commit")
	}
	c.set("deployments.apps/db@shop", "later")
	c.revision = 200
	changes, err := c.commit(to)
	if err != nil || len(changes.Added) > 0 || len(changes.Changed) != 1 {
		t.Errorf("the dump that started over: %+v, %v", changes, err)
	}
	c.holds(t, dir)
	before = files(t, dir)
	if _, err := early.dump(to); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(files(t, dir), before) {
		t.Error("Close has committed")
	}
	if _, err := os.Stat(filepath.Join(dir, ".clustersnap", "stage")); err == nil {
		t.Error("Close leaves what was staged")
	}
}

// One that has the tree open for long dumps into it again and again.
func TestOneTreeManyDumps(t *testing.T) {
	dir, c := t.TempDir(), shop()
	to, err := tree.Open(openRoot(t, dir), tree.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	for i := range 4 {
		c.set("configmaps/web@shop", fmt.Sprint(i))
		if changes, err := c.commit(to); err != nil || i > 0 && len(changes.Changed) != 1 {
			t.Fatalf("dump %d: %+v, %v", i, changes, err)
		}
		c.holds(t, dir)
		if changes, err := c.commit(to); err != nil || !changes.Quiet() {
			t.Fatalf("dump %d again: %+v, %v", i, changes, err)
		}
	}
}

func TestNarrowerDumpIsRefused(t *testing.T) {
	two := manifests.Selection{Classes: []manifests.Class{"bootstrap", "user"}}
	for _, c := range []struct {
		name    string
		was, is manifests.Selection
		refused bool
	}{
		{"the same", two, two, false},
		{"more classes", two, manifests.Selection{Classes: []manifests.Class{"bootstrap", "generated", "user"}}, false},
		{"all classes", two, manifests.Selection{}, false},
		{"fewer classes", two, manifests.Selection{Classes: []manifests.Class{"user"}}, true},
		{"some instead of all", manifests.Selection{}, two, true},
		{"a selector", manifests.Selection{}, manifests.Selection{LabelSelector: "a=b"}, true},
		{"another selector", manifests.Selection{LabelSelector: "a=b"}, manifests.Selection{LabelSelector: "a=c"}, true},
		{"no selector any more", manifests.Selection{LabelSelector: "a=b"}, manifests.Selection{}, false},
		{"another level", manifests.Selection{}, manifests.Selection{Level: manifests.Faithful}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, from := t.TempDir(), shop()
			from.selects = c.was
			from.into(t, dir, tree.Options{})
			before := files(t, dir)
			from.selects = c.is
			from.delete("deployments.apps/web@bank")
			_, err := from.tryInto(t, dir, tree.Options{})
			if errors.Is(err, tree.ErrNarrower) != c.refused || err != nil && !c.refused {
				t.Errorf("refused with %v", err)
			}
			if c.refused && !maps.Equal(files(t, dir), before) {
				t.Error("it has touched files")
			}
		})
	}
}

func TestOneWriter(t *testing.T) {
	dir := t.TempDir()
	first, err := tree.Open(openRoot(t, dir), tree.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.Open(openRoot(t, dir), tree.Options{}); !errors.Is(err, tree.ErrLocked) {
		t.Errorf("two at once: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	shop().into(t, dir, tree.Options{})
}

func TestMisuse(t *testing.T) {
	to, err := tree.Open(openRoot(t, t.TempDir()), tree.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := shop()
	web := key("deployments.apps/web@shop")
	if err := to.Object(object(web, "1", "1")); err == nil {
		t.Error("an object before Begin")
	}
	if _, err := to.Commit(&manifests.Report{}); err == nil {
		t.Error("Commit before Begin")
	}
	for name, o := range map[string]*manifests.Object{
		"twice":          object(web, "2", "1"),
		"no name":        object(manifests.Key{Resource: "r"}, "1", "1"),
		"no resource":    object(manifests.Key{Name: "n"}, "1", "1"),
		"no UTF-8":       object(manifests.Key{Resource: "r", Name: "\xff"}, "1", "1"),
		"the wrong hash": {Entry: object(web, "1", "1").Entry, YAML: []byte("other")},
	} {
		if err := to.Begin(c.instant()); err != nil {
			t.Fatal(err)
		}
		if name == "twice" {
			if err := to.Object(object(web, "1", "1")); err != nil {
				t.Fatal(err)
			}
		}
		if err := to.Object(o); err == nil {
			t.Errorf("%s: is taken", name)
		}
		if _, err := to.Commit(&manifests.Report{Instant: c.instant()}); err == nil {
			t.Errorf("%s: committed after an error", name)
		}
	}
	if err := to.Begin(c.instant()); err != nil {
		t.Fatal(err)
	}
	if _, err := to.Commit(&manifests.Report{Instant: manifests.Instant{ResourceVersion: "1"}}); err == nil {
		t.Error("the report of another dump")
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	if err := to.Begin(c.instant()); err == nil {
		t.Error("Begin after Close")
	}
}
