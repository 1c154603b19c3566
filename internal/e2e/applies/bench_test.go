package applies

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
	"github.com/clustersnap/clustersnap/internal/e2e/sidebyside"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// BenchmarkBack brings objects back that were deleted from a namespace: with kubectl apply, which sends each and looks at
// nothing before, and with recover, which reads each, asks the server about it, and then writes it.
func BenchmarkBack(b *testing.B) {
	const objects = 1000
	p, dir := newPlace(b), b.TempDir()
	var text strings.Builder
	text.WriteString("apiVersion: v1\nkind: Namespace\nmetadata: {name: back}\n")
	for i := range objects {
		fmt.Fprintf(&text, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: one-%d, namespace: back, labels: {a: b}}\n"+
			"data: {text: %q}\n", i, strings.Repeat("some text ", 100))
	}
	p.make(b, text.String())
	files := p.files(b, dir)
	kubeconfig := p.node.Kubeconfig()
	inNode := func(args ...string) func() *exec.Cmd {
		return func() *exec.Cmd { return p.node.Enter(b, args...) }
	}
	remove := func() (int64, error) {
		all := p.at("configmaps", "back")
		list, err := all.List(b.Context(), metav1.ListOptions{LabelSelector: "a=b"})
		if err == nil && len(list.Items) != objects {
			err = fmt.Errorf("%d of %d objects are back", len(list.Items), objects)
		}
		if err == nil {
			err = all.DeleteCollection(b.Context(), metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "a=b"})
		}
		return int64(text.Len()), err
	}
	_, err := remove()
	must(b, err)
	sidebyside.Compare(b,
		sidebyside.Command(peers.Kubectl.String()+" apply --server-side",
			inNode(peers.Kubectl.Path(b), "--kubeconfig", kubeconfig, "apply", "--server-side", "--filename", files)),
		sidebyside.Command("clustersnap recover",
			inNode(command.Path(b), "recover", dir, "-n", "back", "--yes", "--kubeconfig", kubeconfig)),
		remove)
}

// files saves the cluster as a tree, and gives a directory of the files of the namespace.
func (p *place) files(b *testing.B, dir string) string {
	b.Helper()
	p.save(b, dir, tree.Options{}, manifests.Options{Classes: []manifests.Class{manifests.User}})
	return filepath.Dir(filepath.Join(dir, tree.Path(manifests.Key{Resource: "configmaps", Namespace: "back", Name: "one-1"})))
}
