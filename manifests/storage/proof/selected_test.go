package proof

import (
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
)

// A dump that selects is held against what it was to select.
func TestSelection(t *testing.T) {
	w := filled(t)
	app := map[string]string{"app": "web"}
	w.put("/registry/namespaces/shop", packedAs(t, "v1", "Namespace", "", "shop", "uid-shop", app))
	w.put("/registry/configmaps/shop/web", packedAs(t, "v1", "ConfigMap", "shop", "web", "uid-web", app))
	w.put("/registry/secrets/shop/s", []byte("k8s:enc:secretbox:v1:key1:abc"))
	r := report(w.revision, outcomes()...)
	all := w.dump(t, w.revision)
	for name, c := range map[string]struct {
		selection manifests.Selection
		drop      []string
		want      []string
	}{
		"by label": {manifests.Selection{LabelSelector: "app=web"}, []string{"a", "w", "kube-system"},
			[]string{"excluded configmaps: labels", "excluded widgets: labels", "excluded namespaces: labels"}},
		"by class": {manifests.Selection{Classes: []manifests.Class{manifests.User}}, []string{"kube-system"},
			[]string{"excluded namespaces: class"}},
		"dropped": {manifests.Selection{LabelSelector: "app=web", Classes: []manifests.Class{manifests.User}}, []string{"web"},
			[]string{"unsaved web: it was to be selected"}},
		"nobody can tell": {manifests.Selection{LabelSelector: "app=web"}, []string{"s"},
			[]string{"unsaved s: whether it was to be selected is not known: "}},
	} {
		t.Run(name, func(t *testing.T) {
			r.Selection = c.selection
			entries := all
			for _, name := range c.drop {
				entries = without(entries, name)
			}
			want(t, prove(t, r, entries, w.store(w.revision), Options{}), append(c.want, always...)...)
		})
	}
}
