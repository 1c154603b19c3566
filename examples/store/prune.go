package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/clustersnap/clustersnap"
)

// Policy says what goes. Its zero value lets nothing go but what uploads have left.
type Policy struct {
	// Keep is the retention of verified sets, for each node of each cluster by itself.
	Keep clustersnap.Retention
	// Unverified lets go of sets that were not verified, too, once a later one of their node is.
	Unverified bool
	// WithoutReceipt lets go of sets without a receipt, too. Such a one may be a whole backup: one that was written as a file,
	// or copied here before its receipt.
	WithoutReceipt bool
	// Leftover is how old a leftover is that goes: what is younger may be an upload under way. It must be above 0.
	Leftover time.Duration
}

// Decision is what becomes of a set, and why.
type Decision struct {
	Receipt
	Delete bool   `json:"delete"`
	Why    string `json:"why"`
}

// Plan is what a policy says of a listing.
type Plan struct {
	Sets []Decision `json:"sets"`
	// Leftovers are those that are old enough to go, Young those that are not, and Unasked the sets without a receipt that are,
	// and stay without [Policy.WithoutReceipt].
	Leftovers []Leftover `json:"leftovers,omitempty"`
	Young     []Leftover `json:"young,omitempty"`
	Unasked   []Leftover `json:"unasked,omitempty"`
}

// Decide says what a policy lets go at a time. It is pure, and days are those of UTC. Whatever the policy, of each node of each
// cluster the last verified set stays, also the last one that is not degraded, and so does what was asked to be locked; sets
// that were not verified stand for no day.
func (p Policy) Decide(l *Listing, now time.Time) Plan {
	plan := Plan{}
	type series struct{ cluster, node string }
	verified := map[series][]Receipt{}
	for _, r := range l.Sets {
		if of := (series{r.Cluster, r.Node}); r.Verdict == Verified {
			verified[of] = append(verified[of], r)
		}
	}
	keeps := map[string]bool{}
	for _, sets := range verified {
		kept := clustersnap.Keep(sets, func(r Receipt) time.Time { return r.Created }, p.Keep, now.UTC())
		for i, r := range sets {
			keeps[r.Set] = kept[i]
		}
		if whole := lastWhole(sets, now); whole != "" {
			keeps[whole] = true
		}
	}
	for _, r := range l.Sets {
		d := Decision{Receipt: r}
		later := func(other Receipt) bool { return other.Created.After(r.Created) && !other.Created.After(now) }
		switch {
		case now.Before(r.LockedUntil):
			d.Why = "locked until " + r.LockedUntil.Format(time.RFC3339)
		case r.Verdict == Verified:
			d.Delete = !keeps[r.Set]
			d.Why = map[bool]string{true: "not kept", false: "kept"}[d.Delete]
		case !p.Unverified:
			d.Why = "not verified"
		case slices.ContainsFunc(verified[series{r.Cluster, r.Node}], later):
			d.Delete, d.Why = true, "not verified, and a later one is"
		default:
			d.Why = "not verified, and no later one is"
		}
		plan.Sets = append(plan.Sets, d)
	}
	for _, left := range l.Leftovers {
		switch {
		case now.Sub(left.Time) <= p.Leftover:
			plan.Young = append(plan.Young, left)
		case left.Kind == Uncommitted && !p.WithoutReceipt:
			plan.Unasked = append(plan.Unasked, left)
		default:
			plan.Leftovers = append(plan.Leftovers, left)
		}
	}
	return plan
}

// Delete deletes a set: its receipt first, so that at no time there is a receipt without its set. What is left of a Delete that
// was cut short is a leftover.
func (s *Store) Delete(ctx context.Context, set string) error {
	for _, name := range []string{set + receiptExtension, set} {
		if err := s.remove(ctx, name); err != nil {
			return fmt.Errorf("delete %s: %w", s.short(name), err)
		}
	}
	return nil
}

// Sweep takes a leftover away. It looks once more whether a set has got its receipt meanwhile, and leaves it then.
func (s *Store) Sweep(ctx context.Context, l Leftover) error {
	var err error
	switch l.Kind {
	case Parts:
		err = s.abort(ctx, l)
	case Uncommitted:
		var exists bool
		if exists, err = s.exists(ctx, l.Name+receiptExtension); err == nil && !exists {
			err = s.remove(ctx, l.Name)
		}
	case Temporary:
		err = s.remove(ctx, l.Name)
	}
	if err != nil {
		return fmt.Errorf("delete %s, %s: %w", s.short(l.Name), l.Kind, err)
	}
	return nil
}

// remove deletes one object. One that is gone is no error.
func (s *Store) remove(ctx context.Context, name string) error {
	ctx, guard := watch(ctx, s.stall)
	defer guard.end()
	if err := guard.why(missing(s.bucket.Delete(ctx, s.prefix+name))); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// lastWhole is the name of the last set that is not degraded, empty if there is none.
func lastWhole(sets []Receipt, now time.Time) (name string) {
	var last time.Time
	for _, r := range sets {
		if !r.Degraded && r.Created.After(last) && !r.Created.After(now) {
			name, last = r.Set, r.Created
		}
	}
	return name
}
