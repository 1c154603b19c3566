package diffs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/datamaker"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
	"github.com/clustersnap/clustersnap/internal/e2e/sidebyside"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// filled is a control plane with n mixed objects, and the directory of a tree that holds them as they are now. It has no
// controllers any more: they would have work with 50,000 new objects for half an hour.
func filled(b *testing.B, n int) (*place, string) {
	b.Helper()
	p := newPlace(b)
	if _, err := datamaker.FillAPI(b.Context(), p.node.RESTConfig(b), n); err != nil {
		b.Fatal(err)
	}
	const controllers = "kube-controller-manager"
	must(b, os.Remove(filepath.Join(p.node.Root, "etc/kubernetes/manifests", controllers+".yaml")))
	must(b, p.node.Pods.WaitGone(b.Context(), controllers))
	dir := b.TempDir()
	saved := p.save(b, dir, tree.Options{Secrets: tree.Include})
	summary, err := diff.Compare(b.Context(), saved, p.live(), func(*diff.Change) error { return nil }, diff.Options{})
	must(b, err)
	if summary.Read > 0 || diff.ExitCode(summary, nil) != 0 {
		b.Fatalf("a cluster at rest has moved: %+v", summary)
	}
	return p, dir
}

// BenchmarkUnchanged compares a tree with the cluster that it is of, in which nothing has moved: by a look at the versions,
// and by another dump.
func BenchmarkUnchanged(b *testing.B) {
	const objects = 50_000
	p, saved := filled(b, objects)
	program, trees := command.Build(b, "..", "./dumpbench/dumptree"), b.TempDir()
	sidebyside.Compare(b,
		sidebyside.Command("a dump to a new tree", func() *exec.Cmd {
			dir, err := os.MkdirTemp(trees, "") // none is removed meanwhile: ext4 creates files slowly after that
			must(b, err)
			return p.node.Enter(b, program, p.node.Kubeconfig(), dir)
		}),
		sidebyside.Command("diff of a tree", p.inNode(b, command.Build(b, ".", "./comparetree"), p.node.Kubeconfig(), "tree", saved)),
		func() (int64, error) { return sizeOf(b, saved), nil })
}

// BenchmarkUnchangedKubectl compares the namespaced objects of a tree with the cluster that it is of: with kubectl diff of
// their files, and by a look at the versions of all objects.
func BenchmarkUnchangedKubectl(b *testing.B) {
	p, saved := filled(b, 200)
	sidebyside.Compare(b,
		sidebyside.Command(peers.Kubectl.String()+" diff", p.kubectlDiff(b, p.mine(b, saved))),
		sidebyside.Command("diff of a tree", p.inNode(b, command.Build(b, ".", "./comparetree"), p.node.Kubeconfig(), "tree", saved)),
		func() (int64, error) { return sizeOf(b, saved), nil })
}

// BenchmarkWrittenKubectl compares files with the cluster, each by a dry run: kubectl diff, and diff, which lists the cluster,
// too, to say what is in no file.
func BenchmarkWrittenKubectl(b *testing.B) {
	p, saved := filled(b, 200)
	files := p.mine(b, saved)
	sidebyside.Compare(b,
		sidebyside.Command(peers.Kubectl.String()+" diff", p.kubectlDiff(b, files)),
		sidebyside.Command("diff of files", p.inNode(b, command.Build(b, ".", "./comparetree"), p.node.Kubeconfig(), "files", files)),
		func() (int64, error) { return sizeOf(b, files), nil })
}

// mine gives a directory of the files of a tree that people would have made themselves.
func (p *place) mine(b *testing.B, saved string) string {
	b.Helper()
	dir := b.TempDir()
	from, err := tree.Read(os.DirFS(saved))
	must(b, err)
	for e, err := range from.Entries(b.Context()) {
		must(b, err)
		mine := e.Namespace != "" || e.Resource == "namespaces" || e.Resource == "customresourcedefinitions"
		if !mine || e.Class != manifests.User {
			continue
		}
		text, err := from.Object(b.Context(), e)
		must(b, err)
		must(b, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%s-%s.yaml", e.Resource, e.Namespace, e.Name)), text, 0o600))
	}
	return dir
}

// kubectlDiff is the stock program, which has to find no difference either.
func (p *place) kubectlDiff(b *testing.B, dir string) func() *exec.Cmd {
	return p.inNode(b, peers.Kubectl.Path(b), "--kubeconfig", p.node.Kubeconfig(), "diff", "--recursive", "--filename", dir)
}

// inNode is a command in the node's network, for each run anew.
func (p *place) inNode(b *testing.B, args ...string) func() *exec.Cmd {
	return func() *exec.Cmd { return p.node.Enter(b, args...) }
}

func sizeOf(b *testing.B, dir string) (size int64) {
	b.Helper()
	must(b, filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return err
	}))
	return size
}
