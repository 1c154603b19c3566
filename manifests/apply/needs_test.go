package apply

import (
	"slices"
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
)

// An object waits for what it names only if somebody has looked, and the cluster has it not.
func TestNeeds(t *testing.T) {
	binding := manifests.Key{Group: rbac, Resource: "rolebindings", Namespace: "shop", Name: "b"}
	role := manifests.Key{Group: rbac, Resource: "roles", Namespace: "shop", Name: "r"}
	all := manifests.Key{Group: rbac, Resource: "clusterroles", Name: "r"}
	ref := func(kind string) map[string]any {
		return map[string]any{"roleRef": map[string]any{"kind": kind, "name": "r"}}
	}
	pod := manifests.Key{Resource: "pods", Namespace: "shop", Name: "p"}
	account := manifests.Key{Resource: "serviceaccounts", Namespace: "shop", Name: "a"}
	first := manifests.Key{Group: "scheduling.k8s.io", Resource: "priorityclasses", Name: "first"}
	sandbox := manifests.Key{Group: "node.k8s.io", Resource: "runtimeclasses", Name: "sandbox"}
	spec := map[string]any{"spec": map[string]any{
		"serviceAccountName": "a", "priorityClassName": "first", "runtimeClassName": "sandbox",
	}}
	gone, there, unseen := item{looked: true, absent: true}, item{looked: true}, item{}
	taken := item{absent: true} // from something else than a look
	for name, c := range map[string]struct {
		key  manifests.Key
		body map[string]any
		plan map[manifests.Key]item
		want []manifests.Key
	}{
		"a role that is gone":        {binding, ref("Role"), map[manifests.Key]item{role: gone}, []manifests.Key{role}},
		"one of the cluster":         {binding, ref("ClusterRole"), map[manifests.Key]item{role: gone, all: gone}, []manifests.Key{all}},
		"a role that is there":       {binding, ref("Role"), map[manifests.Key]item{role: there}, nil},
		"a role that was skipped":    {binding, ref("Role"), map[manifests.Key]item{role: unseen}, nil},
		"a role that nobody saw":     {binding, ref("Role"), map[manifests.Key]item{role: taken}, nil},
		"a role that is not planned": {binding, ref("Role"), nil, nil},
		"all that a pod names": {pod, spec, map[manifests.Key]item{account: gone, first: gone, sandbox: gone},
			[]manifests.Key{account, first, sandbox}},
		"some of it":         {pod, spec, map[manifests.Key]item{account: unseen, first: there, sandbox: gone}, []manifests.Key{sandbox}},
		"what names nothing": {pod, map[string]any{}, map[manifests.Key]item{account: gone}, nil},
	} {
		p := &planner{byKey: map[manifests.Key]*item{}}
		for key, it := range c.plan {
			p.byKey[key] = &it
		}
		it := &item{body: c.body}
		it.Key = c.key
		if got := p.needs(it); !slices.Equal(got, c.want) {
			t.Errorf("%s: it needs %v, want %v", name, got, c.want)
		}
	}
}
