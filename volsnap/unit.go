package volsnap

import (
	"context"
	"maps"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// unit is what is cut together: a claim alone, the claims of one group, or those of pods that share some.
type unit struct {
	jobs    []*job
	changed chan struct{}       // holds one when a watch has told something about a job
	members sync.WaitGroup      // of those that look for members of its groups
	pinned  map[types.UID]error // what came of it, by group
}

func (u *unit) wake() {
	select {
	case u.changed <- struct{}{}:
	default:
	}
}

// drivers are those whose slots the unit takes, in the order in which all units do, so that none waits for another in a ring.
func (u *unit) drivers() []string {
	drivers := map[string]bool{}
	for _, j := range u.jobs {
		drivers[j.result.Driver] = true
	}
	return slices.Sorted(maps.Keys(drivers))
}

// makeUnits joins the claims that belong together, in the order of the plan.
func (t *taking) makeUnits() []*unit {
	var units []*unit
	at := map[string]*unit{} // by what joins: pods and groups
	merged := map[*unit]*unit{}
	root := func(u *unit) *unit {
		for merged[u] != nil {
			u = merged[u]
		}
		return u
	}
	for _, j := range t.inOrder() {
		u := &unit{changed: make(chan struct{}, 1), jobs: []*job{j}, pinned: map[types.UID]error{}}
		units = append(units, u)
		for _, key := range t.joins(j) {
			if other := at[key]; other != nil && root(other) != root(u) {
				merged[root(u)] = root(other)
			}
			at[key] = u
		}
	}
	kept := make([]*unit, 0, len(units))
	for _, u := range units {
		if first := root(u); first != u {
			first.jobs = append(first.jobs, u.jobs...)
			continue
		}
		kept = append(kept, u)
	}
	for _, u := range kept {
		for _, j := range u.jobs {
			j.unit = u
		}
	}
	return kept
}

// joins are names of what makes a claim belong to others.
func (t *taking) joins(j *job) []string {
	var keys []string
	if j.group != nil {
		keys = append(keys, "group/"+j.result.Namespace+"/"+j.group.name)
	}
	if t.opts.Quiesce != nil {
		for _, name := range j.result.Pods {
			keys = append(keys, "pod/"+j.result.Namespace+"/"+name)
		}
	}
	return keys
}

// inOrder are the jobs in the order of the plan.
func (t *taking) inOrder() []*job {
	jobs := make([]*job, 0, len(t.jobs))
	for _, v := range t.plan.Volumes {
		if v.Reason == "" {
			jobs = append(jobs, t.jobOf(v.Namespace, v.Claim))
		}
	}
	return jobs
}

// enter waits for a slot of each driver of the unit, and gives what leaves them.
func (t *taking) enter(ctx context.Context, u *unit) (leave func(), err error) {
	var taken []chan struct{}
	leave = func() {
		for _, slot := range taken {
			<-slot
		}
		taken = nil
	}
	for _, driver := range u.drivers() {
		select {
		case t.slots[driver] <- struct{}{}:
			taken = append(taken, t.slots[driver])
		case <-ctx.Done():
			leave()
			return nil, context.Cause(ctx)
		}
	}
	return leave, nil
}
