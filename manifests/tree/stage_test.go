package tree_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/clustersnap/clustersnap/manifests/tree"
)

// meddled commits shopLater to a tree of shop, and does something at one of the steps.
func meddled(t *testing.T, at string, do func(dir string)) (dir string, err error) {
	t.Helper()
	dir = shopNow(t)
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	done := false
	to, err := tree.Open(root, tree.Options{Step: func(what string) {
		if what == at {
			do(dir)
			done = true
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	_, err = shopLater().commit(to)
	if !done {
		t.Fatalf("there was no step %q", at)
	}
	return dir, err
}

// A directory that was moved as a whole until now, since there was none.
func TestDirectoryThatSomebodyMakesMeanwhile(t *testing.T) {
	const made = "namespaces/shop/ingresses.networking.k8s.io"
	dir, err := meddled(t, "move "+made, func(dir string) { put(t, dir, made+"/mine.yaml", "mine") })
	if err != nil {
		t.Fatal(err)
	}
	shopLater().holds(t, dir)
	if text, err := os.ReadFile(filepath.Join(dir, made, "mine.yaml")); string(text) != "mine" {
		t.Errorf("what somebody has put there is now %q, %v", text, err)
	}
}

// Only what could be an object's file is moved to a directory that is there. What was decided is done when that has gone.
func TestNoDumpHasLeftIt(t *testing.T) {
	dir, err := meddled(t, "decide", func(dir string) {
		found, err := filepath.Glob(filepath.Join(dir, ".clustersnap/stage/*/web.yaml"))
		if err != nil || len(found) == 0 {
			t.Fatalf("the stage has %q, %v", found, err)
		}
		for _, file := range found {
			put(t, filepath.Dir(file), ".config", "mine")
		}
	})
	if !errors.Is(err, tree.ErrCorrupt) {
		t.Fatalf("%v, want ErrCorrupt", err)
	}
	root := openRoot(t, dir)
	if _, err := tree.Open(root, tree.Options{}); !errors.Is(err, tree.ErrCorrupt) {
		t.Fatalf("opened again: %v, want ErrCorrupt", err)
	}
	readsAs(t, "decide", dir, true)
	left, err := filepath.Glob(filepath.Join(dir, ".clustersnap/stage/*/.config"))
	if err != nil || len(left) == 0 {
		t.Fatalf("what is in the way has gone: %v", err)
	}
	for _, file := range left {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	to, err := tree.Open(root, tree.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if want := shopNow(t); !maps.Equal(texts(t, dir), later(t, want)) {
		t.Errorf("the tree has %v", texts(t, dir))
	}
}

// later gives the files of shopLater over the tree of shop in a directory.
func later(t *testing.T, dir string) map[string]string {
	t.Helper()
	shopLater().into(t, dir, tree.Options{})
	return texts(t, dir)
}
