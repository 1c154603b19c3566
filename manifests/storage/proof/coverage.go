package proof

import (
	"fmt"

	"github.com/clustersnap/clustersnap/manifests"
)

// coverage answers what a dump has to do with a kind in a namespace.
type coverage struct {
	report     *manifests.Report
	outcomes   map[gr][]manifests.Outcome
	namespaces map[string]bool // those by which kinds were listed
	chosen     bool            // the dump was limited to them
}

func newCoverage(report *manifests.Report) *coverage {
	c := &coverage{report: report, outcomes: map[gr][]manifests.Outcome{}, namespaces: map[string]bool{}}
	whole := false
	for _, o := range report.Outcomes {
		of := gr{o.Group, o.Resource.Resource}
		c.outcomes[of] = append(c.outcomes[of], o)
		if o.Namespace != "" {
			c.namespaces[o.Namespace] = true
		}
		tried := o.State == manifests.Listed || o.State == manifests.Forbidden || o.State == manifests.Failed
		whole = whole || tried && o.Namespace == "" && o.Resource.Resource != everything
	}
	// A dump that the caller limits to namespaces lists nothing that is not in one. One that lacks rights lists the
	// namespaces, and then each of them.
	c.chosen = len(c.namespaces) > 0 && !whole
	return c
}

// everything is the Resource of an outcome that stands for all that a version of a group has.
const everything = "*"

// of gives the outcome for an object. Without one nobody has listed it, as its Why says.
func (c *coverage) of(k manifests.Key) manifests.Outcome {
	of := grOf(k)
	var best *manifests.Outcome
	divided := false
	for _, home := range homes(of) {
		for i := range c.outcomes[home] {
			o := &c.outcomes[home][i]
			divided = divided || o.Namespace != ""
			if (o.Namespace == "" || o.Namespace == k.Namespace) && (best == nil || o.State == manifests.Listed) {
				best = o
			}
		}
	}
	none := manifests.Outcome{Resource: manifests.Resource{Group: of.group, Resource: of.resource}, Namespace: k.Namespace}
	known := best != nil && (best.State == manifests.Listed || best.State == manifests.Excluded)
	switch {
	case c.chosen && !c.namespaces[k.Namespace] && !known: // also of a kind that no API server shows
		none.State, none.Why = manifests.Excluded, "the dump was limited to other namespaces"
	case best != nil:
		return *best
	case divided:
		none.Why = "its namespace was not listed"
	default:
		none.Why = "no API server showed its kind"
		if lost := c.lost(of.group); lost != nil {
			none.Why += ", and " + lost.String()
		}
	}
	return none
}

// homes are the groups in which a dump may have listed the objects of a kind. Events are in two, with the same objects in
// both.
func homes(of gr) []gr {
	core, own := gr{"", "events"}, gr{"events.k8s.io", "events"}
	if of == core || of == own {
		return []gr{own, core}
	}
	return []gr{of}
}

// lost is the outcome of a version of a group that could not be discovered.
func (c *coverage) lost(group string) *manifests.Outcome {
	for i, o := range c.report.Outcomes {
		looked := o.State == manifests.Listed || o.State == manifests.Excluded // as in a namespace that is not there
		if o.Resource.Resource == everything && o.Group == group && !looked {
			return &c.report.Outcomes[i]
		}
	}
	return nil
}

// unlisted says why an object that is stored was not listed, where its kind was not.
func unlisted(o manifests.Outcome) string {
	switch {
	case o.State == "":
		return o.Why
	case o.Why == "":
		return fmt.Sprintf("its kind was not listed: %s", o.State)
	default:
		return fmt.Sprintf("its kind was not listed: %s: %s", o.State, o.Why)
	}
}

// narrow reports whether the dump has less than all objects of the kinds that it has listed.
func narrow(s manifests.Selection) bool { return s.LabelSelector != "" || len(s.Classes) > 0 }

// unchecked are the outcomes of what was not listed, and has no key in this etcd either: nobody knows whether there is any.
// But custom resources are always in the etcd of their definition.
func (c *coverage) unchecked(seen map[gr]int) []Finding {
	var found []Finding
	told := map[gr]bool{}
	for _, o := range c.report.Missing() {
		of := gr{o.Group, o.Resource.Resource}
		if o.State == manifests.Unserved || told[of] || seen[of] > 0 {
			continue
		}
		told[of] = of.resource != everything
		found = append(found, Finding{Is: Unchecked, ObjectKind: o.Kind, Why: unlisted(o),
			Key: manifests.Key{Group: o.Group, Resource: o.Resource.Resource}})
	}
	return found
}
