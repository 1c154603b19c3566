package proof

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/clustersnap/clustersnap/manifests"
)

// maxLookups is how many objects that are not in the second list are looked up one by one. Of the others a list may have
// been wrong, as that of the dump may have been: they are Unchecked.
const maxLookups = 1000

// gone judges the objects of the dump that the second list does not have. That they are no more is seen; that they ever were
// there is only said by the dump. Of a kind that can't be listed, unlisted says so of all.
func (a *api) gone(ctx context.Context) error {
	unproved, lookups := 0, 0
	for i := range a.dumped.rows {
		r := &a.dumped.rows[i]
		o := a.nowOf(r.Key)
		away := o.State == "" && a.now.lost(r.Group) == nil // the API server knows its group, and the kind has gone too
		if r.matched || r.lost || o.State != manifests.Listed && !away {
			continue
		}
		a.moved[grOf(r.Key)] = true
		f := Finding{Is: Deleted, Key: r.Key, UID: r.uid, ResourceVersion: r.version}
		switch {
		case away:
			f.Why = fmt.Sprintf("it is no more at %d, after the dump at %d: %s", a.revision, a.instant, unlisted(o))
		case lookups == maxLookups:
			f.Is, f.Why = Unchecked, fmt.Sprintf("it is no more at %s, and was not looked up, after %d others: prove again, "+
				"sooner after the dump", a.moment(o), maxLookups)
			a.ledger.tally(f.alike())
			continue
		default:
			lookups++
			a.lookUp(ctx, &f, a.moment(o))
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
		if f.Is == Deleted {
			unproved++
		}
		a.ledger.add(f)
	}
	if unproved > 0 {
		a.blind = append(a.blind, fmt.Sprintf("Of %d objects of the dump that are no more, "+
			"it is not known whether they ever were in this cluster.", unproved))
	}
	return nil
}

// nowOf is the outcome that the second list has for an object. A namespace that is no more has nothing: that is as good as
// listed, but for what stays stored of a namespace that was removed by force, and a look-up finds that.
func (a *api) nowOf(k manifests.Key) manifests.Outcome {
	o := a.now.of(k)
	if slices.Contains(a.emptied, k.Namespace) && a.covered.of(k).State == manifests.Listed {
		o = a.covered.of(k)
		o.Clock = ""
	}
	return o
}

// moment is when the second list has seen a kind.
func (a *api) moment(o manifests.Outcome) string {
	if o.Clock != "" {
		return o.Clock
	}
	return strconv.FormatInt(a.revision, 10)
}

// lookUp asks for an object that the second list does not have.
func (a *api) lookUp(ctx context.Context, f *Finding, listed string) {
	whole, err := a.get(ctx, f.Key, manifests.Faithful)
	switch {
	case apierrors.IsNotFound(err):
		f.Why = fmt.Sprintf("it is no more at %s, nor when it was looked up; whether it was there at %d is not known",
			listed, a.instant)
	case err != nil:
		f.Is, f.Why = Unchecked, fmt.Sprintf("it is no more at %s, and could not be looked up: %v", listed, err)
	case f.UID != "" && whole.UID != f.UID:
		f.Is, f.Why = Changed, fmt.Sprintf("another of its name is there by now, with uid %q", whole.UID)
	case a.report.Selection.LabelSelector != "":
		f.Is, f.Why = Changed, fmt.Sprintf("it is there, and its labels are no more those that were selected, at %s", listed)
	default:
		f.Is, f.Why = Unchecked, fmt.Sprintf("the list at %s does not have it, and it is there: prove again", listed)
	}
}
