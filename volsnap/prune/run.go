package prune

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/clustersnap/clustersnap/volsnap"
)

// RunOptions are how a plan is carried out. The zero value is good.
type RunOptions struct {
	InFlight  int           // how many go at once; 0 is 4
	Limit     time.Duration // how long one may take to be gone; 0 is five minutes
	Leftovers bool          // leftovers go, too
	// Each is told of each item when it is over, one call at a time.
	Each func(Outcome)
}

// State is what became of an item that was to go.
type State string

// The states.
const (
	Deleted State = "deleted" // all of its objects were seen gone, so the storage has deleted what it had
	Refused State = "refused" // nothing was changed: it is not as it was planned, or must not go any more
	Failed  State = "failed"  // it may be gone in part; a new plan goes on
)

// Outcome is what became of an item that was to go.
type Outcome struct {
	Item
	State State  `json:"state"`
	Error string `json:"error,omitempty"`
}

// Report has an outcome for each item of the plan that was to go, in its order.
type Report struct {
	Outcomes []Outcome `json:"outcomes"`
}

// Err is nil if all that was to go is gone, and names the others otherwise.
func (r *Report) Err() error {
	var all []error
	for _, o := range r.Outcomes {
		if o.State != Deleted {
			all = append(all, fmt.Errorf("%s: %s: %s", o.State, o.Item, o.Error))
		}
	}
	return errors.Join(all...)
}

// Run deletes what the plan says, after it has looked at everything again: what is not as it was when the plan was made, or has
// come to be needed, is refused, and so is what would leave a claim without a good snapshot. The error is for what keeps it
// from beginning; what became of the items is in the report. If ctx ends, what was begun goes on in the cluster, and a new plan
// goes on with the rest.
func Run(ctx context.Context, c *volsnap.Cluster, plan *Plan, opts RunOptions) (*Report, error) {
	if opts.InFlight < 0 || opts.Limit < 0 {
		return nil, errors.New("prune snapshots: InFlight and Limit can't be less than zero")
	}
	if opts.InFlight == 0 {
		opts.InFlight = 4
	}
	if opts.Limit == 0 {
		opts.Limit = 5 * time.Minute
	}
	var namespaces []string // fewer than all if one may see only these
	for _, item := range plan.Items {
		for _, s := range item.Snapshots {
			namespaces = append(namespaces, s.Namespace)
		}
	}
	if len(namespaces) == 0 {
		return &Report{Outcomes: []Outcome{}}, nil
	}
	now, err := look(ctx, c.Dynamic(), places(namespaces))
	if err != nil {
		return nil, fmt.Errorf("prune snapshots: %w", err)
	}
	r := &runner{scene: now, opts: opts, report: &Report{Outcomes: []Outcome{}}}
	r.begin(plan)
	var stop func()
	r.sight, stop = watch(ctx, c.Dynamic(), now)
	defer stop()
	r.work(ctx)
	return r.report, nil
}

// runner is one call of Run.
type runner struct {
	*scene
	opts   RunOptions
	sight  *sight
	units  []*unit // of the outcomes; nil for one that was refused
	report *Report
	mu     sync.Mutex
}

// begin finds what is to go, and refuses what must not.
func (r *runner) begin(plan *Plan) {
	now := map[string]*unit{}
	for _, u := range r.scene.units {
		now[Item{Objects: u.objects()}.key()] = u
	}
	going := map[*unit]bool{}
	for _, item := range plan.Items {
		if item.Do != Delete && (item.Do != Leftover || !r.opts.Leftovers) {
			continue
		}
		u := now[item.key()]
		why := ""
		switch {
		case u == nil || !slices.Equal(u.objects(), item.Objects):
			why = "it has changed since the plan was made: make a new one"
		case going[u]:
			why = "it is in the plan twice"
		case item.Do == Delete && !u.ready() || item.Do == Leftover && u.ready():
			why = "it is not what the plan says: make a new one"
		default:
			why = string(r.obstacle(u))
		}
		o := Outcome{Item: item}
		if why != "" {
			o.State, o.Error, u = Refused, why, nil
		} else {
			going[u] = true
		}
		r.report.Outcomes, r.units = append(r.report.Outcomes, o), append(r.units, u)
	}
	r.spare(going)
}

// spare refuses the newest of what is to go of a series of which nothing else is good.
func (r *runner) spare(going map[*unit]bool) {
	of := map[*member]*unit{}
	for _, u := range r.scene.units {
		for _, m := range u.members {
			of[m] = u
		}
	}
	for _, series := range r.series() {
		if slices.ContainsFunc(series, func(m *member) bool { return !going[of[m]] }) {
			continue
		}
		spared := of[series[0]]
		going[spared] = false
		i := slices.Index(r.units, spared)
		r.units[i] = nil
		r.report.Outcomes[i].State, r.report.Outcomes[i].Error = Refused, "it has come to be "+string(LastGood)
	}
}

// work deletes a few at a time.
func (r *runner) work(ctx context.Context) {
	var all sync.WaitGroup
	slots := make(chan struct{}, r.opts.InFlight)
	for i, u := range r.units {
		if u == nil {
			r.tell(&r.report.Outcomes[i])
			continue
		}
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			o := &r.report.Outcomes[i]
			err := r.remove(ctx, u)
			switch {
			case err == nil:
				o.State = Deleted
			case errors.Is(err, errChanged), errors.Is(err, errNeeded):
				o.State, o.Error = Refused, err.Error()
			default:
				o.State, o.Error = Failed, err.Error()
			}
			r.tell(o)
		})
	}
	all.Wait()
}

func (r *runner) tell(o *Outcome) {
	if r.opts.Each == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opts.Each(*o)
}
