// Package ondisk saves clusters to files, for tests that are about what is done with those: etcd as a snapshot, the objects
// as a tree. Tests of saving itself do it themselves.
package ondisk

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// Snapshot saves etcd to a new file, which goes with the test.
func Snapshot(t testing.TB, client *clientv3.Client) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "etcd.snap")
	_, err := etcdsnap.SaveFile(trial.Context(t), path, client, etcdsnap.Options{})
	trial.Must(t, err)
	return path
}

// Open opens a snapshot, which the test closes.
func Open(t testing.TB, path string) *etcdsnap.Snapshot {
	t.Helper()
	f, err := os.Open(path)
	trial.Must(t, err)
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	trial.Must(t, err)
	s, err := etcdsnap.Open(f, info.Size())
	trial.Must(t, err)
	return s
}

// Tree has a dump written into the tree in a directory that is there, and reads it.
func Tree(
	t testing.TB, dir string, opts tree.Options, dump func(to *tree.Tree) (*manifests.Report, error),
) (*tree.Saved, tree.Changes) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	trial.Must(t, err)
	defer root.Close()
	to, err := tree.Open(root, opts)
	trial.Must(t, err)
	defer to.Close() // where the test ends
	report, err := dump(to)
	trial.Must(t, err)
	changes, err := to.Commit(report)
	trial.Must(t, errors.Join(err, to.Close()))
	saved, err := tree.Read(os.DirFS(dir))
	trial.Must(t, err)
	return saved, changes
}
