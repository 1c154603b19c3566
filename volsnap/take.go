package volsnap

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// Take takes a snapshot of each volume of a plan that has no Reason, and accounts for all of them. Give ctx a deadline: it is
// that of the whole run, and a snapshot that nobody works on is waited for as long. What is not cut by then is Failed with the
// cause that [Cluster.Diagnose] finds, and stays: another call with the same id goes on. What can't heal is Failed at once, and
// is deleted, because a claim can't be deleted while a failed snapshot is there.
//
// A pod is at rest from just before its snapshots are created until their data are frozen, which the content says long before
// the snapshot does where controllers have the client limits that they come with. The next unit has its turn when the snapshot
// says so too, so that it does not wait in the controllers' queues while its own pods rest. Each thaw is called, the last
// freeze first, with a context that does not end with ctx, also after errors and panics.
//
// Of a call that was killed, the next one finds everything by the run's id: what is not cut is waited for, what is not pinned
// is pinned. Whether pods were at rest when that was cut can't be known, and is Lacking.
//
// Pods are those that mount a claim when the run begins, whatever the plan says: where it says something else, that is in
// the account's notes.
//
// The requests are one create and one patch for each snapshot, and for the run a list and a watch of its snapshots in each
// namespace, or of all where that is allowed, and a list of one content and a watch of them, which is tried first. With Quiesce
// it is a list of the pods of each namespace as well.
//
// The error is for a run that could not begin. What failed of volumes is in the account, see [Account.Complete].
func (c *Cluster) Take(ctx context.Context, plan *Plan, opts TakeOptions) (*Account, error) {
	opts, err := opts.check()
	if err != nil {
		return nil, fmt.Errorf("take snapshots: %w", err)
	}
	if plan == nil {
		return nil, errors.New("take snapshots: there is no plan: make one with Plan")
	}
	if err := plan.check(); err != nil {
		return nil, fmt.Errorf("take snapshots: %w", err)
	}
	t := newTaking(c, plan, opts)
	if err := t.run(ctx); err != nil {
		return nil, fmt.Errorf("take snapshots: %w", err)
	}
	return t.account, nil
}

// check refuses a plan that Plan does not make, as one that was joined from two or edited.
func (p *Plan) check() error {
	seen := map[string]bool{}
	for _, v := range p.Volumes {
		name := v.Namespace + "/" + v.Claim
		switch {
		case v.Reason != "":
		case v.Namespace == "" || v.Claim == "" || v.Driver == "":
			return fmt.Errorf("the plan has a volume %.200q with neither a claim and a driver nor a reason", v.name())
		case seen[name]:
			return fmt.Errorf("the plan has claim %.200s twice: have each once", name)
		default:
			seen[name] = true
		}
	}
	return nil
}

// taking is one run.
type taking struct {
	cluster *Cluster
	plan    *Plan
	opts    TakeOptions
	account *Account
	units   []*unit
	slots   map[string]chan struct{} // by driver
	// noContents says that contents may not be watched. It is set before the first unit begins.
	noContents bool
	groupless  map[string]bool // drivers whose groups nobody looks at; mu is its lock

	claims map[string]*job // by namespace/claim

	mu       sync.Mutex      // of jobs, of the fields of jobs that watches fill, and of the account's notes
	jobs     map[string]*job // by namespace/snapshot
	telling  sync.Mutex
	panicked any
}

func newTaking(c *Cluster, plan *Plan, opts TakeOptions) *taking {
	t := &taking{
		cluster: c, plan: plan, opts: opts, jobs: map[string]*job{}, claims: map[string]*job{},
		slots: map[string]chan struct{}{}, groupless: map[string]bool{},
		account: &Account{
			Run: opts.Run, Cluster: plan.Cluster, Started: time.Now().UTC(), Volumes: make([]Result, len(plan.Volumes)),
		},
	}
	for i, v := range plan.Volumes {
		r := &t.account.Volumes[i]
		if r.Volume = v; v.Reason != "" {
			r.Outcome = NotSnapshottable
			continue
		}
		j := &job{result: r, name: nameOf(v.Claim, opts.Run, v.Namespace, v.Claim), contents: map[string]*api.Content{}}
		t.jobs[v.Namespace+"/"+j.name], t.claims[v.Namespace+"/"+v.Claim] = j, j
		if t.slots[v.Driver] == nil {
			t.slots[v.Driver] = make(chan struct{}, opts.InFlight)
		}
	}
	return t
}

// run takes everything, and ends when all has ended that it began.
func (t *taking) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	if len(t.claims) > 0 {
		if err := t.lookAtPods(ctx); err != nil {
			return err
		}
		if err := t.makeGroups(ctx); err != nil {
			return err
		}
		t.units = t.makeUnits()
		// Watches outlast the units, which look at what they tell.
		watches, err := t.follow(ctx, cancel)
		if err != nil {
			return err
		}
		defer watches.Wait()
		defer cancel(nil)
	}
	each := func(work func()) {
		running.Go(func() {
			defer t.recover(cancel)
			work()
		})
	}
	for _, u := range t.units {
		each(func() { t.take(ctx, u) })
	}
	each(func() { t.takeOthers(ctx) })
	running.Wait()
	if t.panicked != nil {
		panic(t.panicked)
	}
	t.account.Ended, t.account.Spread = time.Now().UTC(), t.account.spread()
	return nil
}

// recover keeps a panic of the caller's functions until all pods are thawed that others have frozen.
func (t *taking) recover(cancel context.CancelCauseFunc) {
	p := recover()
	if p == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.panicked == nil {
		t.panicked = p
	}
	cancel(errors.New("a function of the options has panicked"))
}

// takeOthers has the volumes snapshotted that only their storage can, and tells of those that nobody can.
func (t *taking) takeOthers(ctx context.Context) {
	for i := range t.account.Volumes {
		r := &t.account.Volumes[i]
		if r.Reason == "" {
			continue
		}
		if t.opts.Own != nil {
			t.takeOwn(ctx, r)
		}
		t.tell(r)
	}
}

func (t *taking) takeOwn(ctx context.Context, r *Result) {
	if ctx.Err() != nil {
		r.Outcome, r.Cause, r.Error = Failed, CauseNotBegun, context.Cause(ctx).Error()
		return
	}
	switch s, err := t.opts.Own(ctx, r.Volume); {
	case err != nil:
		r.Outcome, r.Cause, r.Error, r.Snapshot = Failed, CauseOwn, err.Error(), s
	case s != nil:
		r.Outcome, r.Snapshot = Snapshotted, s
		if t.opts.Quiesce != nil && len(r.Pods) > 0 {
			r.Lacking = append(r.Lacking, "its pods were not brought to rest for it: the function Own can do that itself")
		}
	}
}

// tell hands a final result to the caller.
func (t *taking) tell(r *Result) {
	if t.opts.Each == nil {
		return
	}
	t.telling.Lock()
	defer t.telling.Unlock()
	t.opts.Each(*r)
}

// note adds a sentence to the account, once.
func (t *taking) note(format string, values ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := fmt.Sprintf(format, values...)
	for _, there := range t.account.Notes {
		if there == text {
			return
		}
	}
	t.account.Notes = append(t.account.Notes, text)
}
