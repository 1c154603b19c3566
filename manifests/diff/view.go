package diff

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/clustersnap/clustersnap/manifests"
)

// view is what a side has looked at.
type view struct {
	report *manifests.Report // nil for a side that has everything there is
}

func viewOf(s Side) view {
	if l, ok := s.(looker); ok {
		return view{l.Seen()}
	}
	return view{}
}

// missing are the outcomes of what could not be seen.
func (v view) missing() []manifests.Outcome {
	if v.report == nil {
		return nil
	}
	return v.report.Missing()
}

// lookedFor reports whether an object that the side does not have would be there if it existed. An error says that
// this can't be known.
func (v view) lookedFor(e *manifests.Entry) (bool, error) {
	if v.report == nil {
		return true, nil
	}
	selection := v.report.Selection
	if selection.LabelSelector != "" || len(selection.Classes) > 0 && !slices.Contains(selection.Classes, e.Class) {
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

// outcome finds what became of the list that would have the object.
func (v view) outcome(e *manifests.Entry) (found manifests.Outcome, ok bool) {
	for _, o := range v.report.Outcomes {
		switch {
		case o.Group != e.Group || o.Resource.Resource != e.Resource && o.Resource.Resource != "*":
			continue
		case o.Resource.Resource == "*":
			if !ok {
				found, ok = o, true
			}
		case o.Namespace == "" || o.Namespace == e.Namespace:
			return o, true
		default: // other namespaces were looked at: by choice, unless its own turns up
			found, ok = manifests.Outcome{State: manifests.Excluded}, true
		}
	}
	return found, ok
}

// comparable refuses sides whose canonical forms are not alike.
func comparable(views [sides]view) error {
	var level *manifests.Level
	for _, v := range views {
		if v.report == nil {
			continue
		}
		if level != nil && *level != v.report.Selection.Level {
			return errors.New("the sides are at two levels of canonical form: dump one of them at the level of the other")
		}
		level = &v.report.Selection.Level
	}
	return nil
}
