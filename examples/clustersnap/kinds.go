package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// named is a resource and its kind, which is empty where nobody could read one.
type named struct{ group, resource, kind string }

// String writes a resource so that it can be asked for.
func (n named) String() string {
	if n.group == "" {
		return n.resource
	}
	return n.resource + "." + n.group
}

// kinds are the resources that are known, with objects or without.
type kinds map[named]bool

// kinds gives those of a source whose entries were read.
func (s *source) kinds() kinds {
	all := kinds{}
	for _, o := range s.Seen().Outcomes {
		if o.Resource.Resource != "*" {
			all[named{o.Group, o.Resource.Resource, o.Kind}] = true
		}
	}
	return all
}

// shortNames are those that kubectl takes of Kubernetes' own kinds and that people know by heart.
var shortNames = map[string]string{
	"cm": "configmaps", "cj": "cronjobs", "crd": "customresourcedefinitions", "deploy": "deployments", "ds": "daemonsets",
	"ep": "endpoints", "ev": "events", "hpa": "horizontalpodautoscalers", "ing": "ingresses", "limits": "limitranges",
	"netpol": "networkpolicies", "no": "nodes", "ns": "namespaces", "pc": "priorityclasses", "pdb": "poddisruptionbudgets",
	"po": "pods", "pv": "persistentvolumes", "pvc": "persistentvolumeclaims", "quota": "resourcequotas", "rs": "replicasets",
	"sa": "serviceaccounts", "sc": "storageclasses", "sts": "statefulsets", "svc": "services",
}

// find gives the one resource that a name stands for, as kubectl takes it: its plural, singular, kind or short name, with or
// without its group, which is "core" for the core group.
func (k kinds) find(name string) (named, error) {
	found := k.matching(name)
	switch len(found) {
	case 0:
		return named{}, fmt.Errorf("there is no kind %q: %s", name, k.like(name))
	case 1:
		return found[0], nil
	}
	return named{}, fmt.Errorf("%q may be %s: name its group, as in %s", name, list(found), found[0].inFull())
}

// matching gives the resources that a name may stand for, in order.
func (k kinds) matching(name string) (found []named) {
	want, group, grouped := strings.Cut(strings.ToLower(name), ".")
	if group == "core" {
		group = ""
	}
	want = cmp.Or(shortNames[want], want)
	// The plural that follows from a kind is for those whose objects are all encrypted, so that nobody knows their kind.
	plural, _ := meta.UnsafeGuessKindToResource(schema.GroupVersionKind{Kind: want})
	for n := range k {
		if slices.Contains([]string{n.resource, strings.ToLower(n.kind)}, want) || plural.Resource == n.resource {
			if !grouped || group == n.group {
				found = append(found, n)
			}
		}
	}
	slices.SortFunc(found, named.compare)
	return slices.CompactFunc(found, func(x, y named) bool { return x.String() == y.String() })
}

func (n named) compare(other named) int {
	return cmp.Or(cmp.Compare(n.String(), other.String()), cmp.Compare(other.kind, n.kind))
}

// inFull writes a resource with its group, whatever that is.
func (n named) inFull() string { return n.resource + "." + cmp.Or(n.group, "core") }

// like says what there is whose name begins alike, or anything.
func (k kinds) like(name string) string {
	near := kinds{}
	for n := range k {
		if len(name) > 1 && strings.HasPrefix(n.resource, strings.ToLower(name[:2])) {
			near[n] = true
		}
	}
	if len(near) == 0 {
		near = k
	}
	all := slices.SortedFunc(maps.Keys(near), named.compare)
	const shown = 8
	if len(all) > shown {
		return fmt.Sprintf("there are %s and %d more", list(all[:shown]), len(all)-shown)
	}
	return "there is " + list(all)
}

// list writes resources in a sentence.
func list(all []named) string {
	var names []string
	for _, n := range all {
		names = append(names, n.String())
	}
	return strings.Join(names, ", ")
}
