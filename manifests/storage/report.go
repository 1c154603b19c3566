package storage

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clustersnap/clustersnap/manifests"
)

// everything is the Resource of an outcome that is of no one resource.
const everything = "*"

// report says what was seen.
func (d *dump) report() *manifests.Report {
	r := &manifests.Report{
		Instant: d.at,
		Selection: manifests.Selection{
			Level: d.decoder.level, LabelSelector: d.chosen.LabelSelector, Classes: d.chosen.Classes,
		},
		Objects: d.objects,
	}
	own := builtIn()
	for of, t := range d.tallies.resources {
		t.name(own)
		t.late = d.tallies.definitions[of.String()]
		r.Outcomes = append(r.Outcomes, t.outcomes(d.chosen.Namespaces)...)
	}
	met := len(r.Outcomes) > 0
	if met {
		for _, resource := range d.empty() {
			t := tally{Resource: resource, excluded: d.chosen.Exclude != nil && d.chosen.Exclude(resource)}
			r.Outcomes = append(r.Outcomes, t.outcomes(d.chosen.Namespaces)...)
		}
	}
	if met {
		r.Outcomes = append(r.Outcomes, sameEvents(r.Outcomes)...)
	}
	r.Outcomes = append(r.Outcomes, d.tallies.strange(d.decoder.prefix, met)...)
	slices.SortFunc(r.Outcomes, compareOutcomes)
	return r
}

// sameEvents are the outcomes of events in the core group, where those of events.k8s.io are seen once more.
func sameEvents(outcomes []manifests.Outcome) []manifests.Outcome {
	var same []manifests.Outcome
	for _, o := range outcomes {
		if o.Group == listedEvent.Group && o.Resource.Resource == "events" && o.State != manifests.Excluded {
			o.Group, o.State, o.Objects = "", manifests.SameObjects, 0
			o.Why = "its objects are those of events.events.k8s.io"
			same = append(same, o)
		}
	}
	return same
}

// brokenOff is the report of a dump that err ended.
func (d *dump) brokenOff(err error) *manifests.Report {
	r := d.report()
	r.Outcomes = append(r.Outcomes, manifests.Outcome{
		Resource: manifests.Resource{Resource: everything}, State: manifests.Failed, Why: sentence(err),
	})
	slices.SortFunc(r.Outcomes, compareOutcomes)
	return r
}

// empty are the resources that can have no objects and be known all the same: those that a definition was learned for, and
// Kubernetes' own.
func (d *dump) empty() []manifests.Resource {
	all := builtIn()
	for r, definition := range d.decoder.definitions {
		all = append(all, manifests.Resource{
			Group: r.Group, Resource: r.Resource, Kind: definition.kind, Version: definition.stored,
			Namespaced: definition.namespaced, Status: definition.status[definition.stored],
		})
	}
	return slices.DeleteFunc(all, func(r manifests.Resource) bool {
		return d.tallies.resources[schema.GroupResource{Group: r.Group, Resource: r.Resource}] != nil
	})
}

// strange are the outcomes of keys that are of no resource.
func (t *tallies) strange(prefix string, met bool) []manifests.Outcome {
	var outcomes []manifests.Outcome
	add := func(state manifests.State, format string, args ...any) {
		outcomes = append(outcomes, manifests.Outcome{
			Resource: manifests.Resource{Resource: everything}, State: state, Why: fmt.Sprintf(format, args...),
		})
	}
	if n := t.nobodys; n.keys > 0 {
		add(manifests.Failed, "%d keys below %s are like nothing that an API server writes, %s is the first",
			n.keys, prefix, printable([]byte(n.first)))
	}
	if n := t.outside; n.keys > 0 && met {
		add(manifests.Excluded, "%d keys are not below %s, %s is the first", n.keys, prefix, printable([]byte(n.first)))
	} else if n.keys > 0 {
		add(manifests.Failed, "no key is below %s, %d others are there, %s is the first: kube-apiserver has another --etcd-prefix",
			prefix, n.keys, printable([]byte(n.first)))
	}
	return outcomes
}

// namespacesThere holds that the selected namespaces exist: one that does not would be dumped as empty.
func (d *dump) namespacesThere() error {
	for _, n := range d.chosen.Namespaces {
		if !d.tallies.seen[n] {
			return fmt.Errorf("look for namespace %s: none of the keys is of it", n)
		}
	}
	return nil
}

// namespacesGone are the outcomes of selected namespaces that no key is of.
func (d *dump) namespacesGone() []manifests.Outcome {
	var gone []manifests.Outcome
	for _, n := range d.chosen.Namespaces {
		if !d.tallies.seen[n] {
			gone = append(gone, manifests.Outcome{
				Resource: manifests.Resource{Resource: everything}, Namespace: n, State: manifests.Listed,
				Why: "there is no such namespace: none of the keys is of it",
			})
		}
	}
	return gone
}

// sentence makes one line of an error.
func sentence(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
