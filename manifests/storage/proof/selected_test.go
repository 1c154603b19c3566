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
	w.put("/registry/podsecuritypolicy/strict", packedAs(t, "policy/v1beta1", "PodSecurityPolicy", "", "strict", "uid-p", nil))
	w.put("/registry/configmaps/shop/newer", packedAs(t, "v1", "ConfigMap", "shop", "newer", "uid-n", nil, newer...))
	w.put("/registry/secrets/shop/s", []byte("k8s:enc:secretbox:v1:key1:abc"))
	policies := manifests.Resource{Group: "policy", Version: "v1beta1", Resource: "podsecuritypolicies", Kind: "PodSecurityPolicy"}
	r := report(w.revision, append(outcomes(), manifests.Outcome{Resource: policies, State: manifests.Listed})...)
	strict := manifests.Key{Group: "policy", Resource: "podsecuritypolicies", Name: "strict"}
	all := append(w.dump(t, w.revision), manifests.Entry{Key: strict, ResourceVersion: "19"})
	for name, c := range map[string]struct {
		selection manifests.Selection
		drop      []string
		want      []string
	}{
		"by label": {manifests.Selection{LabelSelector: "app=web"}, []string{"a", "w", "kube-system", "strict", "newer"},
			[]string{"excluded configmaps: labels", "excluded widgets: labels", "excluded namespaces: labels",
				"excluded podsecuritypolicies: labels"}},
		"by class": {manifests.Selection{Classes: []manifests.Class{manifests.User}}, []string{"kube-system"},
			[]string{"excluded namespaces: class"}},
		"by class, of a type that is not known": {manifests.Selection{Classes: []manifests.Class{manifests.User}},
			[]string{"kube-system", "strict"}, []string{"excluded namespaces: class", "unsaved strict: listed, it was to be selected"}},
		"by class, with fields that are not known": {manifests.Selection{Classes: []manifests.Class{manifests.User}},
			[]string{"kube-system", "newer"}, []string{"excluded namespaces: class", "unsaved newer: listed, it was to be selected"}},
		"by class, encrypted": {manifests.Selection{Classes: []manifests.Class{manifests.User}},
			[]string{"kube-system", "s"}, []string{"excluded namespaces: class", "unsaved s: is not known: "}},
		"dropped": {manifests.Selection{LabelSelector: "app=web", Classes: []manifests.Class{manifests.User}}, []string{"web"},
			[]string{"unsaved web: listed, it was to be selected"}},
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

// newer is a field 100, which nobody knows.
var newer = []byte{0xa2, 0x06, 1, 'a'}
