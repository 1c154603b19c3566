package trees

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/internal/e2e/faults"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

func TestMain(m *testing.M) { faults.Main(m) }

var must, stuck = trial.Must, trial.Context

// into opens the tree in a directory, has it written, and closes it.
func into(t testing.TB, dir string, write func(to *tree.Tree) (tree.Changes, error)) (changes tree.Changes, err error) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	must(t, err)
	defer root.Close()
	to, err := tree.Open(root, tree.Options{Secrets: tree.Include})
	if err != nil {
		return changes, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	return write(to)
}

// quiet are the classes that change only when somebody changes them.
func quiet() []manifests.Class {
	return []manifests.Class{manifests.User, manifests.Bootstrap, manifests.Terminating, manifests.Completed}
}

// dump dumps the cluster that a configuration leads to.
func dump(ctx context.Context, t testing.TB, config *rest.Config, dir string) (*manifests.Report, tree.Changes, error) {
	t.Helper()
	var report *manifests.Report
	changes, err := into(t, dir, func(to *tree.Tree) (tree.Changes, error) {
		cluster, err := manifests.NewCluster(config)
		must(t, err)
		report, err = cluster.Dump(ctx, to, manifests.Options{Classes: quiet()})
		if err != nil {
			return tree.Changes{}, err
		}
		return to.Commit(report)
	})
	return report, changes, err
}

// files are those that git sees.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	root := os.DirFS(dir)
	must(t, fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && name == ".clustersnap" {
			return fs.SkipDir
		}
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(root, name)
		found[name] = string(text)
		return err
	}))
	return found
}

// intact holds that a tree is as it was, to the byte, and that it reads.
func intact(t testing.TB, dir string, before map[string]string) {
	t.Helper()
	if !maps.Equal(files(t, dir), before) {
		t.Error("files of the tree have changed")
	}
	reads(t, dir)
}

// reads reads every object of a tree, and gives their number.
func reads(t testing.TB, dir string) (n int) {
	t.Helper()
	saved, err := tree.Read(os.DirFS(dir))
	must(t, err)
	for e, err := range saved.Entries(t.Context()) {
		must(t, err)
		if _, err := saved.Object(t.Context(), e); err != nil {
			t.Error(err)
		}
		n++
	}
	return n
}
