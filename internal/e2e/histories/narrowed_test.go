package histories

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/differences"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

// accounts is about what people add to the account of a namespace, which metadata does not show.
func (p *place) accounts(t *testing.T) {
	serviceAccounts := schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}
	p.namespace(t, "pulls")
	pull := func(secret string) string {
		patch := fmt.Sprintf(`{"imagePullSecrets":[{"name":%q}]}`, secret)
		return p.patch(t, serviceAccounts, "pulls", "default", patch).GetResourceVersion()
	}
	one, two := pull("one"), pull("two")
	snap := p.save(t)
	o := command.Run(t, "", "manifests", "diff", snap+"@"+one, snap+"@"+two, "-n", "pulls")
	if o.Code != 1 || !strings.Contains(o.Stdout, "\n-- name: one\n+- name: two\n") || !strings.Contains(o.Stderr, " 1 changed") {
		t.Errorf("of two revisions: exit %d\n%s%s", o.Code, o.Stdout, o.Stderr)
	}
	pull("three")
	s := p.open(t, snap, nil)
	for _, opts := range []manifests.Options{{}, {Classes: []manifests.Class{manifests.User}}} {
		opts.Namespaces = []string{"pulls"}
		changes, _ := compare(t, s.side(t, 0), diff.Live(p.cluster, opts), diff.Options{})
		differences.Want(t, changes, "serviceaccounts/default -n pulls changed imagePullSecrets[name=two] removed",
			"serviceaccounts/default -n pulls changed imagePullSecrets[name=three] added")
	}
}

// narrowed is about namespaces that are gone, and that never were.
func (p *place) narrowed(t *testing.T) {
	p.namespace(t, "vanishing")
	p.create(t, configMaps, configMap("vanishing", "c", "v"))
	snap, dir := p.save(t), mkdir(t, filepath.Join(t.TempDir(), "tree"))
	p.dump(t, dir)
	p.remove(t, namespaces, "", "vanishing")
	for ctx := stuck(t); ; must(t, ctx.Err()) {
		if _, err := p.client.Resource(namespaces).Get(ctx, "vanishing", metav1.GetOptions{}); apierrors.IsNotFound(err) {
			break
		}
	}
	s := p.open(t, snap, nil)
	side := func(names ...string) diff.Side {
		view, err := s.View(stuck(t), "", 0)
		must(t, err)
		return s.decoder.Versions(view, storage.Selection{Namespaces: names})
	}
	live := func(names ...string) diff.Side { return diff.Live(p.cluster, manifests.Options{Namespaces: names}) }
	for _, names := range [][]string{{"vanishing"}, {"kube-public", "vanishing"}} {
		changes, _ := compare(t, side(names...), live(names...), diff.Options{})
		differences.Want(t, changes, "configmaps/c -n vanishing removed")
		changes, _ = compare(t, s.side(t, 0), live(names...), diff.Options{})
		differences.Want(t, changes, "configmaps/c -n vanishing removed")
	}
	const nowhere = `there is no namespace "vanihsing" on any side`
	if _, err := diff.Compare(stuck(t), side("vanihsing"), live("vanihsing"), nil, diff.Options{}); err == nil ||
		!strings.Contains(err.Error(), nowhere) {
		t.Errorf("of a namespace that is nowhere: %v", err)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"ls", snap, "-n", "vanihsing"}, 1, `no namespace "vanihsing"`},
		{[]string{"ls", snap, "-n", "vanishing", "-n", "vanihsing", "cm"}, 1, `no namespace "vanihsing"`},
		{[]string{"ls", dir, "-n", "vanihsing"}, 1, `no namespace "vanihsing"`},
		{[]string{"manifests", "diff", snap, snap, "-n", "vanihsing"}, 2, nowhere},
		{[]string{"manifests", "diff", dir, snap, "-n", "vanihsing"}, 2, nowhere},
		{[]string{"manifests", "diff", dir, dir, "-n", "vanishing"}, 2, "compared whole"},
		{[]string{"manifests", "diff", dir, dir, "-l", "a=b"}, 2, "compared whole"},
	} {
		command.Bad(t, command.Run(t, "", c.args...), c.code, c.says)
	}
	args := []string{"manifests", "diff", snap, "live", "--kubeconfig", p.node.Kubeconfig(), "-n"}
	command.Bad(t, command.RunOn(t, p.node, append(args, "vanihsing")...), 2, nowhere)
	o := command.RunOn(t, p.node, append(args, "vanishing")...)
	if o.Code != 1 || !strings.Contains(o.Stderr, "0 added, 1 removed, 0 changed, 0 failed") {
		t.Errorf("of one that is gone: exit %d\n%s%s", o.Code, o.Stdout, o.Stderr)
	}
	// One that has nothing of what is wanted is no other than one that has.
	nothing(t, snap, "-n", "vanishing", "-l", "no=body")
}

// nothing holds that a source has nothing of what is asked for, which is no error, and is said.
func nothing(t *testing.T, source string, args ...string) {
	t.Helper()
	o := command.Run(t, "", append([]string{"ls", source}, args...)...)
	if o.Code != 0 || strings.Count(o.Stdout, "\n") != 1 || !strings.Contains(o.Stderr, "nothing matches: ") {
		t.Errorf("of %q, which nobody has, is listed, exit %d\n%s%s", args, o.Code, o.Stdout, o.Stderr)
	}
}
