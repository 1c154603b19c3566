package manifests

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// plan divides all resources into those to list and those that won't be, with why.
func (d *dump) plan() {
	d.lists = nil
	d.fixed = d.unseen()
	for _, k := range d.catalog.kinds {
		o, ok := d.sort(k)
		switch {
		case !ok:
			d.fixed = append(d.fixed, o)
		case len(d.opts.Namespaces) == 0:
			d.lists = append(d.lists, &listing{Outcome: o})
		default:
			d.lists = append(d.lists, inEach(o, d.opts.Namespaces)...)
		}
	}
}

// sort says whether a resource is to be listed, and what is to be said if not.
func (d *dump) sort(k kind) (Outcome, bool) {
	o, ok := k.outcome()
	switch {
	case !ok:
		return o, false
	case d.excluded(k.Resource):
		o.State = Excluded
	case len(d.opts.Namespaces) > 0 && !k.Namespaced:
		o.State = Excluded
	default:
		return o, true
	}
	if k.Resource.Group == definitions.Group && k.Resource.Resource == definitions.Resource && d.covered.unread != "" {
		o.Why = "custom resources that no version serves are not known: " + d.covered.unread
	}
	return o, false
}

func (d *dump) excluded(r Resource) bool { return d.opts.Exclude != nil && d.opts.Exclude(r) }

// outcome says of a resource that has no stored objects to list what it is.
func (k kind) outcome() (Outcome, bool) {
	o := Outcome{Resource: k.Resource}
	switch {
	case !k.listable():
		o.State, o.Why = NotListable, "it has no list verb"
	case !k.can("create"):
		// componentstatuses, and what metrics APIs show.
		o.State, o.Why = NotStored, "it can be listed but not created"
	default:
		return o, true
	}
	return o, false
}

// inEach gives a list for each namespace.
func inEach(o Outcome, namespaces []string) []*listing {
	var lists []*listing
	for _, n := range namespaces {
		o.Namespace = n
		lists = append(lists, &listing{Outcome: o})
	}
	return lists
}

// scope tells the lists of a dump apart.
func (l *listing) scope() string { return l.Resource.String() + " " + l.Namespace }

// unseen are the outcomes of what discovery can't show.
func (d *dump) unseen() []Outcome {
	outcomes := d.covered.unseen(d.catalog)
	for i := range outcomes {
		if d.excluded(outcomes[i].Resource) || len(d.opts.Namespaces) > 0 && outcomes[i].clusterScoped() {
			outcomes[i].State, outcomes[i].Why = Excluded, ""
		}
	}
	return outcomes
}

// clusterScoped reports whether no namespace can hold an object of the resource. Of those with a "*" nothing is known.
func (o Outcome) clusterScoped() bool { return !o.Namespaced && o.Resource.Resource != everything }

// everything is the Resource of an outcome that stands for all that a version of a group has.
const everything = "*"

// unseen are the versions that the server could not discover, and the custom resources that it does not serve.
func (k *coverage) unseen(catalog *catalogue) []Outcome {
	var outcomes []Outcome
	failed := func(r Resource) {
		v := version{r.Group, r.Version}
		outcomes = append(outcomes, Outcome{Resource: r, State: Failed,
			Why: fmt.Sprintf("APIService %s: %s", v.service(), k.services[v].why())})
	}
	for _, v := range catalog.stale {
		failed(Resource{Group: v.group, Version: v.version, Resource: everything})
	}
	for _, r := range catalog.unread {
		failed(r)
	}
	for v, s := range k.services {
		if s.Spec.Service != nil && !catalog.versions[v] {
			failed(Resource{Group: v.group, Version: v.version, Resource: everything})
		}
	}
	for _, d := range k.definitions {
		if r := d.resource(); !catalog.has(r) {
			outcomes = append(outcomes, Outcome{Resource: r, State: Unserved, Why: d.why()})
		}
	}
	slices.SortFunc(outcomes, Outcome.compare)
	return outcomes
}

// has reports whether discovery shows a resource, at whatever version.
func (c *catalogue) has(r Resource) bool {
	same := func(o Resource) bool { return o.Group == r.Group && o.Resource == r.Resource }
	return slices.ContainsFunc(c.kinds, func(k kind) bool { return same(k.Resource) }) || slices.ContainsFunc(c.unread, same)
}

// checkNamespaces holds that the namespaces exist that the caller names: one that does not would be dumped as empty.
func (d *dump) checkNamespaces(ctx context.Context) error {
	for _, n := range d.opts.Namespaces {
		_, _, err := d.cluster.read(ctx, d.pace, request{segments: namespaces.segments("", n)}, maxItem)
		if apierrors.IsNotFound(err) {
			return fmt.Errorf("look for namespace %s: %w", n, err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// late finds the resources that were added during the dump. They are not listed: of the instant they have no objects,
// unless discovery was late, and a second dump has them.
func (d *dump) late(ctx context.Context) error {
	now, err := d.cluster.discover(ctx, d.pace, d.catalog)
	if err != nil {
		return err
	}
	for _, k := range now.kinds {
		if o, ok := d.sort(k); ok && !d.catalog.has(k.Resource) {
			// Its definition may have been seen already.
			d.fixed = slices.DeleteFunc(d.fixed, func(seen Outcome) bool {
				return seen.State == Unserved && seen.Group == o.Group && seen.Resource.Resource == o.Resource.Resource
			})
			o.State, o.Why = Failed, "it appeared during the dump: dump again"
			d.fixed = append(d.fixed, o)
		}
	}
	return nil
}
