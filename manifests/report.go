package manifests

import (
	"cmp"
	"fmt"
	"slices"
)

// Instant is the moment that a dump shows.
type Instant struct {
	// ResourceVersion is etcd's revision: every object of the dump is as it was then.
	ResourceVersion string `json:"resourceVersion"`
	// ServerVersion is the API server's, such as "v1.37.2".
	ServerVersion string `json:"serverVersion"`
}

// State is how the attempt to list a resource ended.
type State string

const (
	Listed      State = "listed"
	Forbidden   State = "forbidden"      // the caller has no right to list it
	Failed      State = "failed"         // see Why
	NotListable State = "not listable"   // it has no list verb, as reviews and bindings
	NotStored   State = "virtual"        // it can be listed but not created: computed on request
	Excluded    State = "excluded"       // by the caller
	Unserved    State = "served by none" // it is stored, and no server shows it
	SameObjects State = "same objects"   // they are listed under another group, see Why
)

// Outcome is what became of one resource, or of one namespace of it where it had to be listed namespace by namespace.
type Outcome struct {
	Resource
	// Namespace is set where the resource was listed by namespace: as the caller chose, or as far as the rights went.
	Namespace string `json:"namespace,omitempty"`
	State     State  `json:"state"`
	Objects   int    `json:"objects"` // that were listed, selected or not
	// Clock is empty for what was listed at the dump's Instant. Another store, as that of an aggregated API or of events
	// split out to an etcd of their own, counts on its own: then it is the resource version of that list, or "unknown" if
	// the list had none.
	Clock string `json:"clock,omitempty"`
	Why   string `json:"why,omitempty"` // one sentence for what is neither listed nor excluded
}

// unknownClock is the Clock of a list that says nothing of its moment.
const unknownClock = "unknown"

// Selection is what of the listed objects a dump hands on, and how much of each. Two dumps can only be held against each
// other, or one be written over the other, if it is the same for both. Empty fields stand for everything.
type Selection struct {
	Level         Level   `json:"level"`
	LabelSelector string  `json:"labelSelector,omitempty"`
	Classes       []Class `json:"classes,omitempty"` // sorted
}

// Report is what a dump saw, and what it could not see.
type Report struct {
	Instant
	Selection Selection `json:"selection"`
	// Outcomes are sorted by group, resource and namespace; none is missing. One with "*" as its Resource stands for all
	// resources of a version that the API server could not discover; without a version, for whatever a dump that ended with
	// an error may have missed.
	Outcomes []Outcome `json:"outcomes"`
	Objects  int       `json:"objects"` // that were handed on
}

// Complete reports whether each object that the caller did not exclude was listed.
func (r *Report) Complete() bool { return len(r.Outcomes) > 0 && len(r.Missing()) == 0 }

// Missing are the outcomes of what should have been listed and was not.
func (r *Report) Missing() []Outcome {
	var missing []Outcome
	for _, o := range r.Outcomes {
		switch o.State {
		case Listed, NotListable, NotStored, Excluded, SameObjects:
		default:
			missing = append(missing, o)
		}
	}
	return missing
}

// String is one line, such as "secrets in shop: forbidden: why".
func (o Outcome) String() string {
	s := o.Resource.String()
	if o.Namespace != "" {
		s += " in " + o.Namespace
	}
	s += ": " + string(o.State)
	if o.State == Listed {
		s += fmt.Sprintf(" %d", o.Objects)
	}
	if o.Clock != "" {
		s += " at " + o.Clock
	}
	if o.Why != "" {
		s += ": " + o.Why
	}
	return s
}

func (o Outcome) compare(other Outcome) int {
	return cmp.Or(
		cmp.Compare(o.Group, other.Group),
		cmp.Compare(o.Resource.Resource, other.Resource.Resource),
		cmp.Compare(o.Namespace, other.Namespace),
		cmp.Compare(o.Version, other.Version),
	)
}

// report says how far the dump came.
func (d *dump) report() *Report {
	r := &Report{
		Instant:   d.at,
		Selection: Selection{Level: d.opts.Level, LabelSelector: d.opts.LabelSelector, Classes: d.opts.Classes},
		Outcomes:  slices.Clone(d.fixed),
		Objects:   d.objects,
	}
	for _, l := range d.lists {
		o := l.Outcome
		if !l.ended {
			o.State, o.Objects, o.Why = Failed, l.handed, "the dump ended before it"
		}
		r.Outcomes = append(r.Outcomes, o)
	}
	slices.SortFunc(r.Outcomes, Outcome.compare)
	return r
}

// brokenOff is the report of a dump that err ended. It is not complete, even if err came when all lists were read.
func (d *dump) brokenOff(err error) *Report {
	r := d.report()
	if len(r.Missing()) == 0 {
		r.Outcomes = append(r.Outcomes, Outcome{Resource: Resource{Resource: everything}, State: Failed, Why: sentence(err)})
		slices.SortFunc(r.Outcomes, Outcome.compare)
	}
	return r
}

// Receiver takes the objects of a dump. Its methods are never called at once.
type Receiver interface {
	// Begin starts a dump at an instant. It is called again when the server no longer has that instant and the dump starts
	// over: what came before is to be forgotten.
	Begin(at Instant) error
	// Object takes one object, in no order. YAML and Removed are the receiver's until it returns. Its error ends the dump.
	Object(o *Object) error
}
