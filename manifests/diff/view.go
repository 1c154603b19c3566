package diff

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/clustersnap/clustersnap/manifests"
)

// view is what a side has looked at.
type view struct {
	report   *manifests.Report // nil for a side that has everything there is
	outcomes map[scope]manifests.Outcome
	// namespaces are those that the side is limited to, or that it lists one by one; gone are those of them that it has not.
	namespaces, gone map[string]bool
	divided          map[scope]bool // resources that were looked for in some namespaces, so that they were not in the others
}

// scope is what one outcome is of. Without a namespace it is all of them, with a * for the resource all those of a group.
type scope struct{ group, resource, namespace string }

// everything is the resource of an outcome that is of no one resource.
const everything = "*"

func viewOf(s Side) view {
	l, ok := s.(looker)
	if !ok || l.Seen() == nil {
		return view{}
	}
	v := view{l.Seen(), map[scope]manifests.Outcome{}, map[string]bool{}, map[string]bool{}, map[scope]bool{}}
	for _, o := range v.report.Outcomes {
		if o.Namespace != "" {
			v.namespaces[o.Namespace], v.divided[scope{o.Group, o.Resource.Resource, ""}] = true, true
		}
		if o.Resource.Resource == everything && o.Namespace != "" && o.State == manifests.Listed {
			v.gone[o.Namespace] = true
			continue
		}
		v.outcomes[scope{o.Group, o.Resource.Resource, o.Namespace}] = o
	}
	return v
}

// missing are the outcomes of what could not be seen.
func (v view) missing() []manifests.Outcome {
	if v.report == nil {
		return nil
	}
	return v.report.Missing()
}

// lookedFor reports whether an object that a side does not have would be there if it existed. An error says that this
// can't be known.
func (c *comparison) lookedFor(side int, r row) (bool, error) {
	v, e := c.views[side], r.any()
	if v.report == nil {
		return true, nil
	}
	classes := v.report.Selection.Classes
	if !c.selected(v.report.Selection.LabelSelector, r) || len(classes) > 0 && !slices.Contains(classes, e.Class) {
		return false, nil
	}
	o, ok := v.outcome(e)
	if !ok {
		return true, nil // there is no such resource
	}
	switch o.State {
	case manifests.Listed:
		return true, nil
	case manifests.Excluded, manifests.NotListable, manifests.NotStored, manifests.SameObjects:
		return false, nil
	}
	why := cmp.Or(o.Why, string(o.State))
	return false, fmt.Errorf("its kind could not be listed: %s", why)
}

// selected reports whether an object is known to be one that a label selector selects: labels are not in the entries, but
// a side with the same selector has it.
func (c *comparison) selected(selector string, r row) bool {
	if selector == "" {
		return true
	}
	for i, e := range r {
		if report := c.views[i].report; e != nil && report != nil && report.Selection.LabelSelector == selector {
			return true
		}
	}
	return false
}

// outcome finds what became of the list that would have the object.
func (v view) outcome(e *manifests.Entry) (o manifests.Outcome, ok bool) {
	for _, s := range []scope{{e.Group, e.Resource, e.Namespace}, {e.Group, e.Resource, ""}} {
		if o, ok = v.outcomes[s]; ok {
			return o, true
		}
	}
	if v.gone[e.Namespace] { // nothing can be in it
		return manifests.Outcome{State: manifests.Listed}, true
	}
	if len(v.gone) > 0 && !v.namespaces[e.Namespace] || v.divided[scope{e.Group, e.Resource, ""}] {
		return manifests.Outcome{State: manifests.Excluded}, true
	}
	o, ok = v.outcomes[scope{e.Group, everything, ""}]
	return o, ok
}

// absent finds a namespace that a side is limited to and that no side has.
func (c *comparison) absent(lists [sides][]manifests.Entry) string {
	for _, v := range c.views {
		for _, name := range slices.Sorted(maps.Keys(v.gone)) {
			there := false
			for i, other := range c.views {
				there = there || other.namespaces[name] && !other.gone[name] || holds(lists[i], name)
			}
			if !there {
				return name
			}
		}
	}
	return ""
}

// holds reports whether there is a namespace or anything in it.
func holds(list []manifests.Entry, namespace string) bool {
	return slices.ContainsFunc(list, func(e manifests.Entry) bool {
		return e.Namespace == namespace || e.Key == manifests.Key{Resource: "namespaces", Name: namespace}
	})
}

// comparable refuses sides whose canonical forms are not alike.
func comparable(from [sides]Side) error {
	var first *manifests.Level
	for _, s := range from {
		level, known := levelOf(s)
		if known && first != nil && *first != level {
			return errors.New("the sides are at two levels of canonical form: give one of them the level of the other")
		}
		if known {
			first = &level
		}
	}
	return nil
}

// levelOf gives the level of a side, if it can be known.
func levelOf(s Side) (level manifests.Level, known bool) {
	if r, ok := s.(redacted); ok {
		return levelOf(r.side)
	}
	if r, ok := s.(redactedVersions); ok {
		return levelOf(r.side)
	}
	if l, ok := s.(leveler); ok {
		return l.level(), true
	}
	if v := viewOf(s); v.report != nil {
		return v.report.Selection.Level, true
	}
	return 0, false
}
