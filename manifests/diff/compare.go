package diff

import (
	"context"
	"fmt"
	"slices"

	"github.com/clustersnap/clustersnap/manifests"
)

// Options changes what is compared. The zero value compares two sides in what people have made.
type Options struct {
	// Base is what both sides came from. With it each Change says which side has moved.
	Base Side
	// Classes are those that are compared: without any, what is of class user, terminating or completed. An object is left
	// out if it is of another class on every side that has it.
	Classes []manifests.Class
	// Ignore are fields that may differ.
	Ignore []Rule
	// Owners is asked for the managers that rules name.
	Owners Owners
	// Parallel is how many objects are compared at once: 8 if it is 0.
	Parallel int
}

const parallel = 8

// userMade are the classes that are compared if none are named: what the others hold comes back by itself, or says
// something about a machine.
var userMade = []manifests.Class{manifests.User, manifests.Terminating, manifests.Completed}

// Compare calls each with every object that is not the same in a and b, in the order of their keys, one at a time. The
// Change is each's to keep.
//
// It holds the entries of all sides, and the objects that are being compared. An object that can't be read or compared
// becomes a Change that Failed; all others are still compared. An error means that not all were: that of ctx, of a list of
// entries, or of each; or a namespace that a side is limited to and that no side has.
func Compare(ctx context.Context, a, b Side, each func(*Change) error, opts Options) (*Summary, error) {
	c := comparison{from: [sides]Side{opts.Base, a, b}, opts: opts, summary: Summary{LeftOut: map[manifests.Class]int{}}}
	if err := c.prepare(); err != nil {
		return nil, fmt.Errorf("compare objects: %w", err)
	}
	lists, err := c.list(ctx)
	if err != nil {
		return nil, fmt.Errorf("compare objects: %w", err)
	}
	for o := range inOrder(ctx, c.opts.Parallel, c.suspects(lists), c.examine) {
		c.summary.count(o)
		if o.change == nil {
			continue
		}
		if err := each(o.change); err != nil {
			return nil, fmt.Errorf("hand on %v: %w", o.change.Key, err)
		}
	}
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("compare objects: %w", err)
	}
	return &c.summary, nil
}

// comparison is one call of Compare.
type comparison struct {
	from    [sides]Side // the base may be nil
	views   [sides]view
	opts    Options
	rules   []rule
	summary Summary
}

// outcome is what became of one row.
type outcome struct {
	change    *Change // nil if there is none to tell
	ignored   bool    // there would be one but for a rule
	leftOut   bool    // it turned out to be of class
	class     manifests.Class
	outOfView bool // it turned out to be of a class that a side has not looked for
	read      int
}

func (c *comparison) prepare() (err error) {
	if len(c.opts.Classes) == 0 {
		c.opts.Classes = userMade
	}
	if c.opts.Parallel <= 0 {
		c.opts.Parallel = parallel
	}
	c.rules, err = parseRules(c.opts.Ignore, c.opts.Owners)
	return err
}

// names are those of the sides in errors and texts.
var names = [sides]string{"base", "a", "b"}

// list reads the entries of all sides.
func (c *comparison) list(ctx context.Context) (lists [sides][]manifests.Entry, err error) {
	for i, s := range c.from {
		if s == nil {
			continue
		}
		if lists[i], err = entries(ctx, s); err != nil {
			return lists, fmt.Errorf("list side %s: %w", names[i], err)
		}
		c.views[i] = viewOf(s)
	}
	c.summary.MissingA, c.summary.MissingB = c.views[before].missing(), c.views[after].missing()
	c.summary.ClusterA, c.summary.ClusterB = clusterOf(lists[before]), clusterOf(lists[after])
	if name := c.absent(lists); name != "" {
		return lists, fmt.Errorf("there is no namespace %q on any side: look at how it is written", name)
	}
	return lists, comparable(c.from)
}

// clusterOf is the identity of the cluster that entries are of, if they show it.
func clusterOf(list []manifests.Entry) string {
	for _, e := range list {
		if e.Key == (manifests.Key{Resource: "namespaces", Name: "kube-system"}) {
			return string(e.UID)
		}
	}
	return ""
}

// suspects gives the rows whose entries don't show that they are the same, and counts the others.
func (c *comparison) suspects(lists [sides][]manifests.Entry) func(yield func(row) bool) {
	return func(yield func(row) bool) {
		for r := range rows(lists) {
			equal := same(r[before], r[after]) && (c.from[base] == nil || same(r[base], r[before]))
			other := r // what is not equal is read, so its classes need not be those that the entries tell
			if !equal {
				other = r.otherwise()
			}
			class, out := c.leftOut(r)
			if _, otherOut := c.leftOut(other); out && otherOut {
				c.summary.LeftOut[class]++
				continue
			}
			if c.outOfView(r) && c.outOfView(other) {
				c.summary.OutOfView++
				continue
			}
			if equal {
				c.summary.Same++
				continue
			}
			if !yield(r) {
				return
			}
		}
	}
}

// leftOut reports whether no side has the object in a class that is compared, and the class that it has.
func (c *comparison) leftOut(r row) (class manifests.Class, out bool) {
	for _, e := range r {
		if e == nil {
			continue
		}
		if slices.Contains(c.opts.Classes, e.Class) {
			return "", false
		}
		class = e.Class
	}
	return class, true
}

// outOfView reports whether a rule takes the object out, or a side that does not have it has not looked for it.
func (c *comparison) outOfView(r row) bool {
	if slices.ContainsFunc(c.rules, func(rule rule) bool { return rule.whole() && rule.applies(r.key()) }) {
		return true
	}
	for i, e := range r {
		if e == nil && c.from[i] != nil {
			if looked, err := c.lookedFor(i, r); !looked && err == nil {
				return true
			}
		}
	}
	return false
}

// unshown reports whether an object turned out to be of a class that its side does not show.
func (c *comparison) unshown(listed, read row) bool {
	for i, e := range read {
		if e == nil || e.Class == listed[i].Class || c.views[i].report == nil {
			continue
		}
		if classes := c.views[i].report.Selection.Classes; len(classes) > 0 && !slices.Contains(classes, e.Class) {
			return true
		}
	}
	return false
}

// examine reads the objects of a row and compares them.
func (c *comparison) examine(ctx context.Context, r row) outcome {
	var o outcome
	listed := r
	read, err := c.read(ctx, &r, &o)
	o.change = c.describe(r)
	if err == nil {
		if o.class, o.leftOut = c.leftOut(r); !o.leftOut {
			o.outOfView = c.outOfView(r) || c.unshown(listed, r)
		}
		if o.leftOut || o.outOfView {
			o.change = nil
			return o
		}
		err = c.compare(ctx, read, &o)
	}
	if err != nil {
		o.change.What, o.change.Why = Failed, err.Error()
	}
	if o.change.What == "" {
		o.change = nil
	}
	return o
}

// compare finds what differs between the objects of a row, and leaves Change.What empty if nothing does.
func (c *comparison) compare(ctx context.Context, trees [sides]any, o *outcome) error {
	w := walker{three: c.from[base] != nil}
	differed := w.differ(trees)
	var held []string // which a rule may take out of data, but not of an annotation
	if isSecret(o.change.Key) {
		held = heldBy(trees)
	}
	if err := c.ignore(ctx, o.change.Key, &trees); err != nil {
		return err
	}
	mask(o.change.Key, &trees, held, w.three)
	w.walk("", "", trees)
	o.ignored = differed && len(w.fields) == 0
	o.change.tell(trees, w.fields)
	return nil
}

// describe starts a Change with what the entries say.
func (c *comparison) describe(r row) *Change {
	change := &Change{Key: r.key()}
	for i, place := range [sides]*string{before: &change.PlaceA, after: &change.PlaceB} {
		if e := r[i]; e != nil {
			change.Kind, change.Class = e.Kind, e.Class
			if p, ok := c.from[i].(placer); ok && place != nil {
				*place = p.place(e.Key)
			}
		}
	}
	return change
}
