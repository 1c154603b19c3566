package restore

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/kubeadm"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// noon is the time of the plans here.
var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// lone is for nodes here, whose etcd does not run: nobody knows whether there are others.
var lone = PlanOptions{Alone: true}

// newNode makes the files of a node that kubeadm v1.37 has set up, whose etcd has stopped, and reads it.
func newNode(t testing.TB) (string, *kubeadm.Node) {
	t.Helper()
	root := t.TempDir()
	own := strings.NewReplacer("10.0.0.11", "127.0.0.1", "2379", freePort(t), "2380", freePort(t))
	for _, name := range []string{"etcd.yaml", "kube-apiserver.yaml"} {
		text, err := os.ReadFile(filepath.Join("../testdata/v1.37", name))
		must(t, err)
		write(t, filepath.Join(root, "etc/kubernetes/manifests", name), own.Replace(string(text)))
	}
	for _, name := range []string{"pki/ca.crt", "pki/ca.key", "pki/etcd/ca.crt"} {
		write(t, filepath.Join(root, "etc/kubernetes", name), "old "+name)
	}
	write(t, filepath.Join(root, "etc/kubernetes/admin.conf"), oldAdmin)
	must(t, os.Symlink("ca.crt", filepath.Join(root, "etc/kubernetes/pki/link")))
	makeMember(t, filepath.Join(root, "var/lib/etcd"), "old")
	node, err := kubeadm.Read(kubeadm.NodeFS(root), kubeadm.Options{})
	must(t, err)
	return root, node
}

// oldAdmin gets in by no certificate.
const oldAdmin = `{"kind":"Config","clusters":[{"name":"c","cluster":{"server":"https://127.0.0.1:1"}}],
"contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}],"current-context":"c",
"users":[{"name":"u","user":{"username":"u"}}]}`

// freePort is one that nobody else has while the test runs.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

func write(t testing.TB, name, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(name), 0o700))
	must(t, os.WriteFile(name, []byte(text), 0o600))
}

func makeMember(t testing.TB, dir, text string) {
	t.Helper()
	write(t, filepath.Join(dir, "member/wal/0.wal"), text)
	write(t, filepath.Join(dir, "member/snap/db"), text)
}

// newSource restores a member, one file in the place of another, one more, and a link in the place of another.
func newSource(t testing.TB) Source {
	return Source{
		Stage: func(_ context.Context, dir string, _ int64) (Staged, error) {
			makeMember(t, dir, "new")
			return Staged{Revision: 5, Keys: 3, ClusterID: "abc", ClusterUID: "uid"}, nil
		},
		Files: func(_ context.Context, parent *os.Root, name string) error {
			tree := filepath.Join(parent.Name(), name, "etc/kubernetes")
			for name, text := range map[string]string{
				"admin.conf": oldAdmin, "pki/ca.crt": "new", "pki/made/deep/more": "new",
				"manifests/etcd.yaml": "that of the backup is not taken",
			} {
				write(t, filepath.Join(tree, name), text)
			}
			return os.Symlink("ca.key", filepath.Join(tree, "pki/link"))
		},
	}
}

// tree is all that is below a directory but what restores have for themselves: modes, texts and links by name.
func tree(t testing.TB, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	must(t, filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.Name() == ".etcd.restore" || filepath.Ext(name) == journalSuffix {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		text := info.Mode().String()
		switch {
		case info.Mode().IsRegular():
			data, err := os.ReadFile(name)
			must(t, err)
			text += " " + string(data)
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(name)
			must(t, err)
			text += " " + to
		}
		rel, err := filepath.Rel(root, name)
		found[rel] = text
		return err
	}))
	return found
}
