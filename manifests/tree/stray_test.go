package tree_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func TestStraysAreLeftAlone(t *testing.T) {
	dir, c := t.TempDir(), shop()
	c.into(t, dir, tree.Options{})
	strays := []string{"cluster/notes.txt", "namespaces/bank/deployments.apps/web.yaml.orig", "namespaces/shop/mine/x.yaml"}
	for _, name := range append([]string{"README.md", ".git/HEAD", "other/x.yaml"}, strays...) {
		put(t, dir, name, "mine")
	}
	before := files(t, dir)
	c.delete("deployments.apps/web@bank")
	changes := c.into(t, dir, tree.Options{})
	if !slices.Equal(changes.Strays, strays) {
		t.Errorf("strays are %q, want %q", changes.Strays, strays)
	}
	now := files(t, dir)
	delete(before, "index.json")
	delete(before, "namespaces/bank/deployments.apps/web.yaml")
	for name := range before {
		if now[name] != before[name] {
			t.Errorf("%s was touched", name)
		}
	}
}

// What lies where an object has to go is not overwritten, and nothing else is done.
func TestInTheWay(t *testing.T) {
	for name, block := range map[string]func(t *testing.T, dir string){
		"a file":               func(t *testing.T, dir string) { put(t, dir, "cluster/nodes/n.yaml", "mine") },
		"a directory":          func(t *testing.T, dir string) { put(t, dir, "cluster/nodes/n.yaml/x", "mine") },
		"a link":               func(t *testing.T, dir string) { link(t, dir, "cluster/nodes/n.yaml", "../../README.md") },
		"a file for its kind":  func(t *testing.T, dir string) { put(t, dir, "cluster/nodes", "mine") },
		"a link for its kind":  func(t *testing.T, dir string) { link(t, dir, "cluster/nodes", "../.git") },
		"instead of a changed": func(t *testing.T, dir string) { instead(t, dir, "namespaces/shop/configmaps/web.yaml") },
		"instead of a removed": func(t *testing.T, dir string) { instead(t, dir, "namespaces/bank/deployments.apps/web.yaml") },
		"in place of all": func(t *testing.T, dir string) {
			remove(t, dir, "cluster")
			link(t, dir, "cluster", ".git")
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, c := t.TempDir(), shop()
			c.into(t, dir, tree.Options{})
			put(t, dir, ".git/HEAD", "ref")
			put(t, dir, "README.md", "read")
			block(t, dir)
			before := listing(t, dir)
			c.set("nodes/n", "1")
			c.set("configmaps/web@shop", "new")
			c.delete("deployments.apps/web@bank")
			_, err := c.tryInto(t, dir, tree.Options{})
			if stray := (*tree.StrayError)(nil); !errors.As(err, &stray) || len(stray.Paths) == 0 {
				t.Errorf("%v, want a StrayError", err)
			}
			if now := listing(t, dir); !maps.Equal(now, before) {
				t.Errorf("it has become %v\nfrom %v", now, before)
			}
		})
	}
}

func instead(t *testing.T, dir, name string) {
	remove(t, dir, name)
	put(t, dir, name+"/x", "mine")
}

func link(t *testing.T, dir, name, target string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// listing gives everything but the tree's own directory, links not followed.
func listing(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == ".clustersnap" {
			return fs.SkipDir
		}
		if err != nil || entry.IsDir() {
			return err
		}
		if entry.Type() == fs.ModeSymlink {
			found[name], err = os.Readlink(name)
			return err
		}
		text, err := os.ReadFile(name)
		found[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A tree whose index got lost takes the files that are the same anyway.
func TestSameContentIsNotInTheWay(t *testing.T) {
	dir, c := t.TempDir(), shop()
	c.into(t, dir, tree.Options{})
	remove(t, dir, "index.json")
	remove(t, dir, "cluster/namespaces/shop.yaml")
	changes := c.into(t, dir, tree.Options{})
	if len(changes.Added) != 9 || len(changes.Strays) > 0 {
		t.Errorf("%+v", changes)
	}
	c.holds(t, dir)
}

// Files that are gone or were edited are written anew, unless nobody knows what belongs there.
func TestHealed(t *testing.T) {
	dir, c := t.TempDir(), shop()
	c.into(t, dir, tree.Options{})
	web := "namespaces/shop/deployments.apps/web.yaml"
	text, err := os.ReadFile(filepath.Join(dir, web))
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)-3]++ // the same size
	put(t, dir, web, string(text))
	put(t, dir, "namespaces/shop/configmaps/web.yaml", "edited")
	remove(t, dir, "cluster/namespaces/shop.yaml")

	blind := shop()
	for _, kind := range []string{"deployments.apps", "configmaps", "namespaces"} {
		blind.without(kind, "", manifests.Forbidden)
	}
	lost := []string{"cluster/namespaces/shop.yaml", "namespaces/shop/configmaps/web.yaml", web}
	if changes := blind.into(t, dir, tree.Options{}); !slices.Equal(changes.Lost, lost) {
		t.Errorf("lost are %q, want %q", changes.Lost, lost)
	}
	if changes := c.into(t, dir, tree.Options{}); !slices.Equal(changes.Healed, lost) || changes.Quiet() {
		t.Errorf("%+v, want healed %q", changes, lost)
	}
	c.holds(t, dir)
}

// git gives files new times, and does not know the state.
func TestTreeFromGit(t *testing.T) {
	dir, c := t.TempDir(), shop()
	c.into(t, dir, tree.Options{})
	remove(t, dir, ".clustersnap")
	for name := range files(t, dir) {
		if err := os.Chtimes(filepath.Join(dir, name), time.Time{}, time.Now().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	saved, err := tree.Read(os.DirFS(dir))
	if err != nil || saved.Seen().ResourceVersion != "" || len(saved.Seen().Outcomes) == 0 {
		t.Errorf("read without state: %+v, %v", saved.Seen(), err)
	}
	before := files(t, dir)
	if changes := c.into(t, dir, tree.Options{}); !changes.Quiet() {
		t.Errorf("%+v", changes)
	}
	if !maps.Equal(files(t, dir), before) {
		t.Error("files were touched")
	}
	c.holds(t, dir)
	blind := shop()
	remove(t, dir, ".clustersnap")
	blind.without("configmaps", "", manifests.Forbidden)
	blind.into(t, dir, tree.Options{})
	if kept := blind.holds(t, dir); len(kept) != 1 || kept[0] != "configmaps/web -n shop unknown" {
		t.Errorf("kept are %q", kept)
	}
}

// A state that is of another index says nothing: an older revision was checked out.
func TestStateOfAnotherIndex(t *testing.T) {
	dir, c := t.TempDir(), shop()
	c.into(t, dir, tree.Options{})
	old, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	c.set("deployments.apps/more@shop", "x")
	c.into(t, dir, tree.Options{})
	put(t, dir, "index.json", string(old))
	saved, err := tree.Read(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	for e := range saved.Entries(t.Context()) {
		if e.UID != "" || e.ResourceVersion != "" {
			t.Errorf("%v has a uid or a resource version of another dump", e.Key)
		}
	}
	if saved.Seen().ResourceVersion != "" {
		t.Errorf("it claims to be of %s", saved.Seen().ResourceVersion)
	}
}
