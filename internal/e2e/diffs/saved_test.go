package diffs

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/clustersnap/clustersnap/internal/e2e/differences"
	"github.com/clustersnap/clustersnap/internal/e2e/ondisk"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// save dumps the cluster into a tree in dir, and reads it.
func (p *place) save(t testing.TB, dir string, opts tree.Options) *tree.Saved {
	t.Helper()
	saved, _ := ondisk.Tree(t, dir, opts, func(to *tree.Tree) (*manifests.Report, error) {
		return p.cluster.Dump(stuck(t), to, manifests.Options{})
	})
	return saved
}

// A tree against the cluster that it is of: nothing is read but what has moved.
func TestSavedAgainstLive(t *testing.T) {
	p := newPlace(t)
	maps := p.client.Resource(configMaps).Namespace("default")
	for i := range 500 {
		_, err := maps.Create(stuck(t), &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": fmt.Sprint("n", i)},
			"data": map[string]any{"k": "old", "secret": "s"},
		}}, metav1.CreateOptions{})
		must(t, err)
	}
	key, err := tree.NewMACKey([]byte(strings.Repeat("k", 32)))
	must(t, err)
	keep := secret("keep", "hunter1")
	move := secret("move", "hunter1")
	for _, s := range []*unstructured.Unstructured{keep, move} {
		_, err := p.client.Resource(secrets).Namespace("default").Create(stuck(t), s, metav1.CreateOptions{})
		must(t, err)
	}
	mine := diff.Options{Ignore: []diff.Rule{{Namespace: "kube-*"}}} // in which accounts are still being made
	dir := t.TempDir()
	saved := p.save(t, dir, tree.Options{Secrets: tree.Redact, Key: key})
	live := diff.Redacted(p.live(), key.Redact)

	changes, summary := compare(t, saved, live, mine)
	differences.Want(t, changes)
	if summary.Same < 500 || summary.Read != 0 || len(p.cluster.got) != 0 || diff.ExitCode(summary, nil) != 0 {
		t.Errorf("of nothing that moved, %q was read, the summary is %+v", p.cluster.got, *summary)
	}

	for _, name := range []string{"n7", "n77", "n277"} {
		patch := []byte(`{"data":{"k":"new"}}`)
		if name == "n277" { // moved, and the same again
			patch = []byte(`{"data":{"k":"old"},"metadata":{"finalizers":[]}}`)
			_, err := maps.Patch(stuck(t), name, types.MergePatchType, []byte(`{"data":{"k":"other"}}`), metav1.PatchOptions{})
			must(t, err)
		}
		_, err := maps.Patch(stuck(t), name, types.MergePatchType, patch, metav1.PatchOptions{})
		must(t, err)
	}
	must(t, maps.Delete(stuck(t), "n1", metav1.DeleteOptions{}))
	for name, patch := range map[string]string{"keep": `{"metadata":{"labels":{"a":"b"}}}`, "move": `{"stringData":{"p":"hunter2"}}`} {
		_, err := p.client.Resource(secrets).Namespace("default").Patch(stuck(t), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
		must(t, err)
	}
	changes, summary = compare(t, saved, live, mine)
	differences.Want(t, changes,
		"configmaps/n1 -n default removed",
		"configmaps/n7 -n default changed data.k changed",
		"configmaps/n77 -n default changed data.k changed",
		"secrets/keep -n default changed metadata.labels added",
		"secrets/move -n default changed data.p changed",
	)
	if len(p.cluster.got) != 5 || summary.Read != 5+6 || diff.ExitCode(summary, nil) != 1 {
		t.Errorf("%q was read of the cluster, the summary is %+v", p.cluster.got, *summary)
	}

	// From git comes a tree without versions: then the hashes of a dump tell what has moved, and of Secrets nothing does.
	bare, err := tree.Read(withoutState{os.DirFS(dir)})
	must(t, err)
	p.cluster.got = nil
	again, summary := compare(t, bare, diff.Redacted(diff.Dumped(p.cluster, manifests.Options{}), key.Redact), mine)
	differences.Want(t, again, differences.Lines(changes)...)
	if len(p.cluster.got) != 4 {
		t.Errorf("%q was read of the cluster, the summary is %+v", p.cluster.got, *summary)
	}

	// Three ways: the tree of before is the base of the tree of now and of the cluster.
	now := t.TempDir()
	later := p.save(t, now, tree.Options{Secrets: tree.Redact, Key: key})
	_, err = maps.Patch(stuck(t), "n7", types.MergePatchType, []byte(`{"data":{"k":"newest"}}`), metav1.PatchOptions{})
	must(t, err)
	changes, _ = compare(t, later, live, diff.Options{Base: saved, Ignore: mine.Ignore})
	var by []string
	for _, c := range changes {
		by = append(by, fmt.Sprintf("%s %s %s", c.Name, c.What, c.By))
	}
	if got, want := strings.Join(by, ", "), "n1 removed same, n7 changed conflict, n77 changed same, keep changed same, move changed same"; got != want {
		t.Errorf("three ways the changes are\n%s\nwant\n%s", got, want)
	}
}

// Who may not see something does not take it for gone, and does not take the rest for all.
func TestLiveSideOfSomebodyWithFewRights(t *testing.T) {
	p := newPlace(t)
	saved := p.save(t, t.TempDir(), tree.Options{})
	out, code := p.kubectl(t, "create", "clusterrolebinding", "readers", "--clusterrole=view", "--user=reader")
	if code != 0 {
		t.Fatal(out)
	}
	code = -1
	for ctx := stuck(t); code != 0; must(t, ctx.Err()) { // the role is filled by a controller
		_, code = p.kubectl(t, "auth", "can-i", "list", "configmaps", "--all-namespaces", "--as=reader")
	}
	config := p.node.RESTConfig(t)
	config.Impersonate.UserName = "reader"
	reader, err := manifests.NewCluster(config)
	must(t, err)
	all := diff.Options{Classes: []manifests.Class{manifests.User, manifests.Bootstrap, manifests.Generated}}
	changes, summary := compare(t, saved, diff.Live(reader, manifests.Options{}), all)
	for _, c := range changes {
		if c.What == diff.Removed {
			t.Errorf("%v is said to be gone", c.Key)
		}
	}
	hidden, missing := map[string]int{}, map[string]bool{}
	for _, c := range changes {
		if c.What == diff.Failed {
			hidden[c.Kind]++
		}
	}
	for _, o := range summary.MissingB {
		missing[o.Resource.Resource] = o.State == manifests.Forbidden
	}
	if hidden["ClusterRole"] < 50 || hidden["ConfigMap"] > 0 || !missing["clusterroles"] || !missing["secrets"] || missing["configmaps"] {
		t.Errorf("hidden are %v, missing is %v", hidden, missing)
	}
	if diff.ExitCode(summary, nil) != 2 || summary.Same == 0 {
		t.Errorf("the summary is %+v", *summary)
	}
}

// withoutState hides what a tree does not put into git.
type withoutState struct{ fs.FS }

func (w withoutState) Open(name string) (fs.File, error) {
	if strings.HasPrefix(name, ".clustersnap") {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return w.FS.Open(name)
}

func secret(name, value string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": name}, "stringData": map[string]any{"p": value},
	}}
}
