package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/clustersnap/clustersnap/manifests"
)

// ErrConflicts is the error of a run under FailExisting if the cluster has other objects than were saved. Nothing was written.
var ErrConflicts = errors.New("the cluster has other objects than were saved")

const (
	// maxIdle is how many rounds may pass in which nothing more succeeds.
	maxIdle = 3
	// firstPause is the wait before the second round. Each round without progress doubles it.
	firstPause = 500 * time.Millisecond
)

// runner carries a plan out.
type runner struct {
	plan     *Plan
	attempts []attempt // by index of the steps
	done     map[manifests.Key]bool

	mu       sync.Mutex // for done and outcomes, and for Progress
	outcomes []Outcome
}

// Run does what the plan says, stage by stage: definitions first, until the cluster serves what they define, then
// namespaces, and webhooks last. Within a stage several go at once. What fails is tried again, for a webhook or an account
// that others need may come with the plan, until nothing more succeeds.
//
// An object that is not as it was when the plan was made is left alone, and Moved; that controllers have written its status
// since does not count. So a plan can be run once: after an interruption, make another, which finds the rest.
//
// Each object has an outcome. The error is ErrConflicts, or ctx's cause; then the outcomes are as far as the run came, and say
// of what was being written that it may be.
// Neither waits for what controllers do with the objects.
func (p *Plan) Run(ctx context.Context) (*Result, error) {
	r := &runner{
		plan: p, attempts: make([]attempt, len(p.Steps)), outcomes: make([]Outcome, len(p.Steps)), done: map[manifests.Key]bool{},
	}
	var waiting []int
	refuse := p.opts.Policy == FailExisting && slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Do == Conflict })
	for i, s := range p.Steps {
		switch {
		case s.writes():
			r.outcomes[i] = Outcome{Step: s, State: Unreached, Err: "the run ended before it"}
			waiting = append(waiting, i)
		case s.Do == Blocked || s.Do == Conflict:
			r.end(i, Failed, s.Why)
		default:
			r.end(i, Left, "")
		}
	}
	if refuse {
		return r.result(), fmt.Errorf("run plan: %w: policy %s writes nothing then", ErrConflicts, FailExisting)
	}
	if err := r.rounds(ctx, waiting); err != nil {
		return r.result(), fmt.Errorf("run plan: %w", err)
	}
	return r.result(), nil
}

func (r *runner) result() *Result { return &Result{Outcomes: r.outcomes} }

// end gives a step its outcome.
func (r *runner) end(i int, state State, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outcomes[i] = Outcome{Step: r.plan.Steps[i], State: state, Err: why}
	if state == Done {
		r.done[r.plan.Steps[i].Key] = true
	}
	r.plan.opts.Progress(r.outcomes[i])
}

// rounds tries what waits until all is done or nothing more succeeds.
func (r *runner) rounds(ctx context.Context, waiting []int) error {
	for idle := 0; ; {
		failed, err := r.round(ctx, waiting)
		if err != nil {
			r.cut(waiting)
			return err
		}
		if len(failed) < len(waiting) {
			idle = 0
		} else {
			idle++
		}
		waiting = failed
		if len(waiting) == 0 || idle == maxIdle {
			break
		}
		if err := pause(ctx, firstPause<<idle); err != nil {
			r.cut(waiting)
			return err
		}
	}
	for _, i := range waiting {
		r.end(i, Failed, r.plan.items[i].sentence(r.attempts[i].err))
	}
	return nil
}

// cut says of steps that the end of the run found waiting what is known of those that were tried.
func (r *runner) cut(waiting []int) {
	for _, i := range waiting {
		a := r.attempts[i]
		if a.err == nil {
			continue // it has its outcome, or was not reached
		}
		why := r.plan.items[i].sentence(a.err)
		switch {
		case a.written:
			why = "the run ended while it took effect: it is written, but perhaps not served yet"
		case a.lost:
			why = "the run ended, and it may have been written: " + why
		default:
			why = "the run ended, and it was not tried again: " + why
		}
		r.end(i, Failed, why)
	}
}

// round tries each step that waits once, in the order of stages, and gives those that have failed.
func (r *runner) round(ctx context.Context, waiting []int) (failed []int, err error) {
	for len(waiting) > 0 {
		n := 1
		for n < len(waiting) && r.stage(waiting[n]) == r.stage(waiting[0]) {
			n++
		}
		err := parallel(ctx, r.plan.opts.Parallel, waiting[:n], func(ctx context.Context, i int) error {
			r.try(ctx, i)
			return ctx.Err()
		})
		if err != nil {
			return nil, err
		}
		for _, i := range waiting[:n] {
			if r.attempts[i].err != nil {
				failed = append(failed, i)
			}
		}
		waiting = waiting[n:]
	}
	return failed, nil
}

func (r *runner) stage(i int) int { return stageOf(r.plan.Steps[i].Key) }

// try makes one attempt.
func (r *runner) try(ctx context.Context, i int) {
	it, a := r.plan.items[i], &r.attempts[i]
	if first := r.missing(it); first != nil {
		a.err = fmt.Errorf("%s, which has to be there before, is not", first)
		return
	}
	switch a.err = r.write(ctx, it, a); {
	case a.err == nil:
		r.end(i, Done, "")
	case errors.Is(a.err, errMoved):
		r.end(i, Moved, it.sentence(a.err))
		a.err = nil // there is no second try
	}
}

// missing gives what an object comes after and is not done.
func (r *runner) missing(it *item) *manifests.Key {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range it.After {
		if !r.done[key] {
			return &key
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
