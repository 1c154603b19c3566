package tree_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

func TestWhatWasNotListedIsKept(t *testing.T) {
	states := []manifests.State{
		manifests.Forbidden, manifests.Failed, manifests.Excluded, manifests.Unserved, manifests.NotListable, manifests.NotStored,
	}
	for _, state := range states {
		t.Run(string(state), func(t *testing.T) {
			dir, c := t.TempDir(), shop()
			c.into(t, dir, tree.Options{})
			before := files(t, dir)
			c.without("deployments.apps", "", state)
			c.set("configmaps/web@shop", "new")
			changes := c.into(t, dir, tree.Options{})
			if len(changes.Kept) != 3 || len(changes.Removed) > 0 || len(changes.Changed) != 1 {
				t.Errorf("%+v", changes)
			}
			now := files(t, dir)
			for name := range before {
				if strings.Contains(name, "deployments") && now[name] != before[name] {
					t.Errorf("%s was touched", name)
				}
			}
			again := c.into(t, dir, tree.Options{})
			if !again.Quiet() || len(again.Kept) != 3 {
				t.Errorf("the same again: %+v", again)
			}
			kept := c.holds(t, dir)
			if len(kept) != 3 || !strings.HasSuffix(kept[0], " 100") {
				t.Errorf("kept are %q, want three as of 100", kept)
			}
			// It works again: one of them had gone.
			c.outcomes = nil
			c.delete("deployments.apps/web@bank")
			changes = c.into(t, dir, tree.Options{})
			if len(changes.Removed) != 1 || len(changes.Kept) > 0 {
				t.Errorf("when it can be listed again: %+v", changes)
			}
			if kept := c.holds(t, dir); len(kept) > 0 {
				t.Errorf("still as of an older instant: %q", kept)
			}
		})
	}
}

// A list that ends half-way has handed on some objects: these are as they are now.
func TestListThatFailsHalfWay(t *testing.T) {
	dir, c := t.TempDir(), shop()
	c.into(t, dir, tree.Options{})
	to, err := tree.Open(openRoot(t, dir), tree.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	c.set("deployments.apps/web@shop", "new")
	half := shop()
	half.revision = c.revision
	half.without("deployments.apps", "", manifests.Failed)
	report, err := half.dump(to)
	if err == nil {
		err = to.Object(object(key("deployments.apps/web@shop"), "new", "101"))
	}
	if err != nil {
		t.Fatal(err)
	}
	changes, err := to.Commit(report)
	if err != nil || len(changes.Changed) != 1 || len(changes.Kept) != 2 || len(changes.Removed) > 0 {
		t.Errorf("%+v, %v", changes, err)
	}
	if kept := c.holds(t, dir); len(kept) != 2 {
		t.Errorf("kept are %q", kept)
	}
}

// Where only some namespaces may be listed, what is in others is kept.
func TestNamespacesThatWereListed(t *testing.T) {
	dir, c := t.TempDir(), shop()
	c.into(t, dir, tree.Options{})
	c.without("deployments.apps", "shop", manifests.Listed)
	c.without("deployments.apps", "bank", manifests.Forbidden)
	c.delete("deployments.apps/db@shop")
	c.delete("deployments.apps/web@bank")
	changes := c.into(t, dir, tree.Options{})
	if !slices.Equal(changes.Removed, []string{"namespaces/shop/deployments.apps/db.yaml"}) ||
		!slices.Equal(changes.Kept, []string{"namespaces/bank/deployments.apps/web.yaml"}) {
		t.Errorf("%+v", changes)
	}
}

// Where a kind is listed namespace by namespace, nobody asks in a namespace that has gone.
func TestNamespaceThatIsGone(t *testing.T) {
	const deployments = "deployments.apps"
	for _, c := range []struct {
		name    string
		prepare func(c *cluster)
		removed []string
		kept    int
	}{
		{"gone", func(c *cluster) { c.without(deployments, "shop", manifests.Listed) },
			[]string{"cluster/namespaces/bank.yaml", "namespaces/bank/deployments.apps/web.yaml"}, 0},
		{"it was asked in", func(c *cluster) {
			c.without(deployments, "shop", manifests.Listed)
			c.without(deployments, "bank", manifests.Failed)
		}, []string{"cluster/namespaces/bank.yaml"}, 1},
		{"namespaces can't be listed", func(c *cluster) {
			c.without(deployments, "shop", manifests.Listed)
			c.without("namespaces", "", manifests.Forbidden)
		}, nil, 3},
		{"the kind was listed nowhere", func(c *cluster) { c.without(deployments, "shop", manifests.Forbidden) },
			[]string{"cluster/namespaces/bank.yaml"}, 3},
		{"the kind failed as a whole", func(c *cluster) {
			c.without(deployments, "shop", manifests.Listed)
			c.without(deployments, "", manifests.Failed)
		}, []string{"cluster/namespaces/bank.yaml"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, from := t.TempDir(), shop()
			from.set("namespaces/bank", "10")
			from.into(t, dir, tree.Options{})
			from.delete("namespaces/bank")
			from.delete("deployments.apps/web@bank")
			c.prepare(from)
			changes := from.into(t, dir, tree.Options{})
			if !slices.Equal(changes.Removed, c.removed) || len(changes.Kept) != c.kept {
				t.Errorf("%+v, want %q removed and %d kept", changes, c.removed, c.kept)
			}
		})
	}
}

// What becomes of objects whose kind no outcome names.
func TestKindsThatAreGone(t *testing.T) {
	widget := [2]string{"widgets", "example.com"}
	definition := "customresourcedefinitions.apiextensions.k8s.io/widgets.example.com"
	for _, c := range []struct {
		name          string
		prepare       func(c *cluster)
		removed, kept int
	}{
		{"with its definition", func(c *cluster) { delete(c.kinds, widget); c.delete(definition) }, 2, 0},
		{"but its definition is there", func(c *cluster) { delete(c.kinds, widget) }, 0, 1},
		{"and definitions can't be listed", func(c *cluster) {
			delete(c.kinds, widget)
			c.without("customresourcedefinitions.apiextensions.k8s.io", "", manifests.Forbidden)
		}, 0, 2},
		{"and its group could not be discovered", func(c *cluster) {
			delete(c.kinds, widget)
			c.delete(definition)
			c.without("*.example.com", "", manifests.Failed)
		}, 1, 1},
		{"and it is the server's own", func(c *cluster) { delete(c.kinds, [2]string{"deployments", "apps"}) }, 0, 3},
		{"and its group, which is the server's own, has a dot", func(c *cluster) {
			delete(c.kinds, [2]string{"clusterroles", "rbac.authorization.k8s.io"})
		}, 0, 2},
		{"and another server has it", func(c *cluster) { delete(c.kinds, [2]string{"nodes", "metrics.example.com"}) }, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, from := t.TempDir(), shop()
			from.set("nodes.metrics.example.com/one", "10")
			from.into(t, dir, tree.Options{})
			c.prepare(from)
			before := files(t, dir)
			changes := from.into(t, dir, tree.Options{})
			if len(changes.Removed) != c.removed || len(before)-len(files(t, dir)) != c.removed || len(changes.Kept) != c.kept {
				t.Errorf("%+v, want %d removed and %d kept", changes, c.removed, c.kept)
			}
		})
	}
}

// Objects that are listed under another group now are the same ones.
func TestSameObjectsUnderAnotherGroup(t *testing.T) {
	dir := t.TempDir()
	newCluster(map[string]string{"events/a@shop": "1", "pods/p@shop": "2"}).into(t, dir, tree.Options{})
	c := newCluster(map[string]string{"events.events.k8s.io/a@shop": "1"})
	c.without("events", "", manifests.SameObjects)
	c.without("pods", "", manifests.SameObjects)
	changes := c.into(t, dir, tree.Options{})
	want := []string{"namespaces/shop/events/a.yaml"}
	if !slices.Equal(changes.Removed, want) || len(changes.Added) != 1 || len(changes.Kept) != 1 {
		t.Errorf("%+v", changes)
	}
}
