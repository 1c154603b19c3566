package storage

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clustersnap/clustersnap/manifests"
)

// tallies count what becomes of the keys of a dump.
type tallies struct {
	resources map[schema.GroupResource]*tally
	// definitions are those of custom resources that were met: their names.
	definitions map[string]bool
	// seen are namespaces that there are, by an object of them or in them.
	seen map[string]bool
	// nobodys are keys below the prefix that are like nothing known, outside are those that are not below it.
	nobodys, outside sample
}

// sample is how many keys of a sort there are, and the first of them.
type sample struct {
	keys  int
	first string
}

func (s *sample) add(key []byte) {
	if s.keys++; s.keys == 1 || string(key) < s.first {
		s.first = string(key)
	}
}

// tally is what is known of one resource.
type tally struct {
	manifests.Resource
	excluded bool
	orphan   bool // a custom resource that no definition was learned for
	late     bool // though there is one among the keys
	versions map[string]*atVersion
	beyond   int               // objects at versions that there was no room for
	in       map[string]*count // by namespace
}

// atVersion is how many objects are stored at one version, and the resource as it is at that.
type atVersion struct {
	manifests.Resource
	objects int
}

// count is how many objects were read, and could not be read.
type count struct {
	listed, failed int
	key, why       string // the first key that failed, in their order
}

func (t *tallies) begin() {
	t.resources = map[schema.GroupResource]*tally{}
	t.definitions, t.seen = map[string]bool{}, map[string]bool{}
}

// maxTallies is how many resources are told apart: large clusters have a few hundred, and hostile keys as many as they like.
const maxTallies = 16384

// maxVersions is how many versions of a resource are told apart: none has had more than a few.
const maxVersions = 64

// of gives the tally of a value's resource, or nil if there are too many.
func (t *tallies) of(v value) *tally {
	t.seen[v.place.Key.Namespace] = true
	r := schema.GroupResource{Group: v.resource.Group, Resource: v.resource.Resource}
	switch r {
	case definitions:
		t.definitions[v.place.Key.Name] = true
	case schema.GroupResource{Resource: "namespaces"}:
		t.seen[v.place.Key.Name] = true
	}
	one := t.resources[r]
	if one == nil {
		if len(t.resources) >= maxTallies {
			return nil
		}
		one = &tally{Resource: v.resource, versions: map[string]*atVersion{}, in: map[string]*count{}}
		t.resources[r] = one
	}
	if one.Kind == "" { // of one that could not be read
		one.Resource = v.resource
	}
	return one
}

// other counts a key that is of no object.
func (t *tallies) other(use Use, key []byte) {
	if use == Outside && string(key) != compactKey {
		t.outside.add(key)
	}
}

// compactKey is where API servers agree on who compacts etcd: storage/etcd3/compact.go of k8s.io/apiserver.
const compactKey = "compact_rev_key"

// pass remembers the resource of a value that was not selected, maybe with all its others.
func (t *tallies) pass(v value, excluded bool) {
	if one := t.of(v); one != nil && excluded {
		one.excluded = true
	}
}

// list counts an object that was read.
func (t *tallies) list(v value) {
	one := t.of(v)
	if one == nil {
		t.nobodys.add([]byte(v.place.Key.String()))
		return
	}
	one.at(v.resource)
	one.orphan = one.orphan || v.orphan
	one.count(v.place.Key.Namespace).listed++
}

// at counts an object at its version.
func (t *tally) at(r manifests.Resource) {
	at := t.versions[r.Version]
	if at == nil {
		if len(t.versions) >= maxVersions {
			t.beyond++
			return
		}
		at = &atVersion{Resource: r}
		t.versions[r.Version] = at
	}
	at.objects++
}

// fail counts a value that could not be read.
func (t *tallies) fail(v value, key []byte, err error) {
	if v.place.Use != Object {
		t.nobodys.add(key)
		return
	}
	one := t.of(v)
	if one == nil {
		t.nobodys.add(key)
		return
	}
	c := one.count(v.place.Key.Namespace)
	if c.failed++; c.failed == 1 || string(key) < c.key {
		c.key, c.why = string(key), sentence(err)
	}
}

// name gives a resource of which no object could be read its kind and a version, if it is Kubernetes' own.
func (t *tally) name(own []manifests.Resource) {
	for _, r := range own {
		if t.Kind == "" && r.Group == t.Group && r.Resource == t.Resource.Resource {
			t.Kind, t.Version, t.Status = r.Kind, r.Version, r.Status
		}
	}
}

func (t *tally) count(namespace string) *count {
	if t.in[namespace] == nil {
		t.in[namespace] = &count{}
	}
	return t.in[namespace]
}

// outcomes are those of a resource: one, or one for each selected namespace.
func (t *tally) outcomes(selected []string) []manifests.Outcome {
	o := manifests.Outcome{Resource: t.most()}
	switch {
	case t.excluded || len(selected) > 0 && !t.Namespaced:
		o.State = manifests.Excluded
		return []manifests.Outcome{o}
	case len(selected) == 0:
		all := count{}
		for _, c := range t.in {
			all.add(*c)
		}
		return []manifests.Outcome{t.outcome(o, all)}
	}
	var outcomes []manifests.Outcome
	for _, namespace := range selected {
		o.Namespace = namespace
		c := count{}
		if found := t.in[namespace]; found != nil {
			c = *found
		}
		outcomes = append(outcomes, t.outcome(o, c))
	}
	return outcomes
}

// outcome says of a resource what was counted.
func (t *tally) outcome(o manifests.Outcome, c count) manifests.Outcome {
	o.State, o.Objects = manifests.Listed, c.listed
	switch {
	case c.failed > 0:
		o.State, o.Why = manifests.Failed, fmt.Sprintf("%d of %d could not be read: %s", c.failed, c.listed+c.failed, c.why)
	case t.orphan && t.late:
		o.State, o.Why = manifests.Failed, "its CustomResourceDefinition is among the keys and was not learned before: "+
			"whether the status is the user's is not known"
	case t.orphan:
		o.Why = "no CustomResourceDefinition of it was learned, and it is no kind that is known: its status is taken for the user's"
	case len(t.versions) > 1:
		o.Why = "it is stored at several versions: " + t.mixture()
	}
	return o
}

// most is the resource at the version that most objects are stored at.
func (t *tally) most() manifests.Resource {
	best := &atVersion{Resource: t.Resource}
	for _, version := range slices.Sorted(maps.Keys(t.versions)) {
		if at := t.versions[version]; at.objects > best.objects {
			best = at
		}
	}
	return best.Resource
}

// mixture says how many objects are stored at which version.
func (t *tally) mixture() string {
	var all []string
	for _, version := range slices.Sorted(maps.Keys(t.versions)) {
		all = append(all, fmt.Sprintf("%d at %s", t.versions[version].objects, version))
	}
	if t.beyond > 0 {
		all = append(all, fmt.Sprintf("%d at others", t.beyond))
	}
	return strings.Join(all, ", ")
}

func (c *count) add(other count) {
	if other.failed > 0 && (c.failed == 0 || other.key < c.key) {
		c.key, c.why = other.key, other.why
	}
	c.listed += other.listed
	c.failed += other.failed
}

// compareOutcomes is the order of a report: by group, resource, namespace and version.
func compareOutcomes(a, b manifests.Outcome) int {
	return cmp.Or(
		cmp.Compare(a.Group, b.Group), cmp.Compare(a.Resource.Resource, b.Resource.Resource),
		cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Version, b.Version),
	)
}
