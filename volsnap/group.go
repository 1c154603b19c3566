package volsnap

import (
	"context"
	"errors"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// group is a VolumeGroupSnapshot of a run: claims of one namespace and one driver.
type group struct {
	name      string // of the VolumeGroupSnapshot; its end is that of the key of the label on its claims
	title     string // as the caller calls it
	namespace string
	driver    string
	class     string
	policy    string // of the class
	jobs      []*job

	snapshot *api.GroupSnapshot // once it is there
	found    bool               // an earlier call has made it
	rested   bool               // pods were at rest for it
	cut      bool
	volumes  []string // of cut: the driver's names of what it is of; nil if that can't be read
	cause    Cause    // of one that is not cut: what keeps it
	lost     error    // why its members are not looked for any more; taking.mu is its lock
}

// makeGroups finds the groups that can be cut as such. What can't is told in the notes, and its claims are cut one by one.
func (t *taking) makeGroups(ctx context.Context) error {
	if t.opts.Group == nil {
		return nil
	}
	groups, parts := map[string]*group{}, map[string]map[string]bool{}
	for _, j := range t.inOrder() {
		title := t.opts.Group(j.result.Volume)
		if title == "" {
			continue
		}
		key := j.result.Namespace + "\x00" + j.result.Driver + "\x00" + title
		g := groups[key]
		if g == nil {
			g = &group{title: title, namespace: j.result.Namespace, driver: j.result.Driver}
			g.name = nameOf("group", t.opts.Run, g.namespace, g.driver, title)
			groups[key] = g
		}
		g.jobs = append(g.jobs, j)
		if parts[title] == nil {
			parts[title] = map[string]bool{}
		}
		parts[title][key] = true
	}
	for _, title := range slices.Sorted(maps.Keys(parts)) {
		if len(parts[title]) > 1 {
			t.note("group %q has volumes of several namespaces or drivers, so its parts are cut apart: it is %d groups",
				title, len(parts[title]))
		}
	}
	classes, err := t.groupClasses(ctx, groups)
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		g := groups[key]
		class := classes[g.driver]
		if class == nil || len(g.jobs) == 1 {
			continue
		}
		g.class, g.policy = class.Name, class.DeletionPolicy
		for _, j := range g.jobs {
			j.group = g
		}
	}
	return nil
}

// groupClasses gives the class for each driver that has groups: its default one, or its only one.
func (t *taking) groupClasses(ctx context.Context, groups map[string]*group) (map[string]*api.GroupClass, error) {
	if len(groups) == 0 {
		return nil, nil
	}
	if t.plan.Groups == "" {
		t.note("the cluster serves no group snapshots, so groups are cut one by one: see the spread")
		return nil, nil
	}
	all, defaults := map[string][]*api.GroupClass{}, map[string][]*api.GroupClass{}
	at := api.InGroups(t.plan.Groups, api.GroupClasses)
	for class, err := range api.List[api.GroupClass](ctx, t.cluster.dynamic, at, "", "") {
		if apierrors.IsForbidden(err) {
			t.note("no right to list volumegroupsnapshotclasses, so groups are cut one by one: see the spread")
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		all[class.Driver] = append(all[class.Driver], class)
		if class.Annotations[api.AnnotationDefaultGroupClass] == "true" {
			defaults[class.Driver] = append(defaults[class.Driver], class)
		}
	}
	chosen := map[string]*api.GroupClass{}
	for _, g := range groups {
		for _, classes := range [][]*api.GroupClass{defaults[g.driver], all[g.driver]} {
			if len(classes) == 1 && chosen[g.driver] == nil {
				chosen[g.driver] = classes[0]
			}
		}
		if chosen[g.driver] == nil {
			t.note("driver %s has %d classes for group snapshots and not one default, so its groups are cut one by one: see the spread",
				g.driver, len(all[g.driver]))
		}
	}
	return chosen, nil
}

// groupsOf are the groups of a unit that are not given up.
func groupsOf(u *unit) []*group {
	var groups []*group
	for _, j := range u.jobs {
		if j.group != nil && !slices.Contains(groups, j.group) {
			groups = append(groups, j.group)
		}
	}
	return groups
}

// errApart is why a group is not cut as one that an earlier call has given up: its claims would have two snapshots each.
var errApart = errors.New("an earlier call has begun to cut its claims one by one")

// prepare looks for what an earlier call has made of a group, and labels its claims if there is nothing.
func (t *taking) prepare(ctx context.Context, g *group) error {
	if err := t.findGroup(ctx, g); err != nil {
		return err
	}
	for _, j := range g.jobs {
		if s, _, _ := t.state(j); s != nil && s.Name == j.name {
			return errApart
		}
	}
	if g.snapshot == nil {
		if t.isGroupless(g.driver) {
			return errSilent
		}
		return t.label(ctx, g)
	}
	if g.snapshot.DeletionTimestamp != nil {
		return errors.New("an earlier call has given it up, and it is being deleted")
	}
	g.found = true
	for _, j := range g.jobs {
		j.found = true
	}
	return nil
}

// beginGroups creates the groups of a unit, and gives those that could not be.
func (t *taking) beginGroups(ctx context.Context, u *unit) map[*group]error {
	broken := map[*group]error{}
	for _, g := range groupsOf(u) {
		if g.snapshot == nil {
			if err := t.createGroup(ctx, g); err != nil {
				broken[g] = err
			}
		}
	}
	return broken
}

// awaitGroups waits until the groups of a unit are cut, and adds those that are not.
func (t *taking) awaitGroups(ctx context.Context, u *unit, broken map[*group]error) {
	for _, g := range groupsOf(u) {
		if broken[g] == nil && !g.cut {
			if err := t.awaitGroup(ctx, g); err != nil {
				broken[g] = err
			} else {
				g.cut = true
			}
		}
	}
}

// dissolve gives a group up, and has its claims cut one by one.
func (t *taking) dissolve(ctx context.Context, g *group, why error) {
	t.note("group %q of namespace %s is cut one by one, see the spread, because it could not be cut as one: %v",
		g.title, g.namespace, why)
	if g.snapshot != nil {
		if err := t.removeGroup(ctx, g); err != nil {
			t.note("its VolumeGroupSnapshot %s/%s is left: %v", g.namespace, g.name, err)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, j := range g.jobs {
		if j.group = nil; j.snapshot != nil && j.snapshot.Name != j.name {
			delete(t.jobs, g.namespace+"/"+j.snapshot.Name)
			j.snapshot, j.gone, j.cut = nil, false, false
		}
	}
}
