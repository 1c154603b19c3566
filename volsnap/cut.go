package volsnap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// thawLimit is how long a thaw may take.
const thawLimit = 2 * time.Minute

// podName is a pod that is brought to rest.
type podName struct{ namespace, name string }

func (p podName) compare(q podName) int {
	return cmp.Or(cmp.Compare(p.namespace, q.namespace), cmp.Compare(p.name, q.name))
}

// errNothing is for a job that nothing was done for.
var errNothing = errors.New("no snapshot was created")

// errTooLong is why a unit is not waited for any longer in its turn.
var errTooLong = errors.New("not cut in the time of CutLimit")

// take takes the snapshots of a unit and tells their results.
func (t *taking) take(ctx context.Context, u *unit) {
	ctx, stop := context.WithCancel(ctx)
	defer u.members.Wait()
	defer stop()
	t.takeInTurn(ctx, u)
	t.concludeFailed(ctx, u)
	// A snapshot that took too long is waited for without a slot, so that it holds up nobody.
	_ = t.await(ctx, u, t.isSettled)
	t.missMembers(ctx, u)
	t.keep(ctx, u)
	if t.opts.Ready {
		t.concludeFailed(ctx, u) // an upload may take hours, and a claim can't be deleted while its failed snapshot is there
		_ = t.await(ctx, u, t.isReady)
	}
	for _, j := range u.jobs {
		t.end(ctx, j)
	}
}

// concludeFailed ends what has failed by now.
func (t *taking) concludeFailed(ctx context.Context, u *unit) {
	for _, j := range u.jobs {
		if j.failed {
			t.end(ctx, j)
		}
	}
}

// end concludes a job and tells its result, once.
func (t *taking) end(ctx context.Context, j *job) {
	if j.ended {
		return
	}
	j.ended = true
	t.conclude(ctx, j)
	t.tell(j.result)
}

// takeInTurn does what needs a slot: until the controllers are done with the cut.
func (t *taking) takeInTurn(ctx context.Context, u *unit) {
	if !slices.ContainsFunc(u.jobs, func(j *job) bool { return !t.isSettled(j) }) {
		for _, g := range groupsOf(u) {
			t.unlabel(ctx, g)
		}
		return // an earlier call was that far
	}
	leave, err := t.enter(ctx, u)
	if err != nil {
		for _, j := range u.jobs {
			if s, _, _ := t.state(j); s == nil {
				j.fail(CauseNotBegun, err)
			}
		}
		return
	}
	defer leave()
	for _, g := range groupsOf(u) {
		defer t.unlabel(ctx, g)
		if err := t.prepare(ctx, g); err != nil {
			t.dissolve(ctx, g, err)
		}
	}
	// A group that can't be cut as one is cut again, one by one, with a rest of its own.
	broken := t.cut(ctx, u)
	for ; len(broken) > 0 && ctx.Err() == nil; broken = t.cut(ctx, u) {
		for g, why := range broken {
			t.dissolve(ctx, g, why)
		}
	}
	for g, why := range broken {
		t.leaveGroup(ctx, g, why)
	}
	t.settle(ctx, u)
}

// settle waits until the controllers have said all that they have to say of the cut, and pins.
func (t *taking) settle(ctx context.Context, u *unit) {
	limited, cancel := context.WithTimeout(ctx, t.opts.CutLimit)
	defer cancel()
	t.followMembers(ctx, u)
	_ = t.await(limited, u, t.isSettled)
	t.keep(ctx, u)
}

// keep has what is settled found again, and outlive its namespace.
func (t *taking) keep(ctx context.Context, u *unit) {
	t.markMembers(ctx, u)
	t.pin(ctx, u)
	t.pinGroups(ctx, u)
}

// cut brings the pods of a unit to rest, creates its snapshots, and thaws the pods when the data are frozen. It gives the
// groups that could not be cut.
func (t *taking) cut(ctx context.Context, u *unit) (broken map[*group]error) {
	resting := false
	for _, p := range t.restless(u) {
		since := time.Now()
		thaw, err := t.opts.Quiesce(ctx, p.namespace, p.name)
		if err != nil {
			t.rested(u, p, since)
			for _, j := range u.jobs {
				if t.isUncut(j) {
					j.fail(CauseQuiesce, fmt.Errorf("bring pod %s to rest: %w", p.name, err))
				}
			}
			return nil
		}
		if thaw == nil {
			continue
		}
		resting = true
		defer t.thaw(ctx, u, p, thaw, since) // in a loop: the last one first, whatever happens
	}
	limited, cancel := context.WithTimeoutCause(ctx, t.opts.CutLimit, errTooLong)
	defer cancel()
	for _, g := range groupsOf(u) {
		g.rested = g.rested || resting
	}
	broken = t.beginGroups(limited, u)
	t.create(limited, u)
	t.awaitGroups(limited, u, broken)
	err := t.await(limited, u, func(j *job) bool { return j.group != nil || t.isCut(j) })
	if err == nil || !resting {
		return broken
	}
	for _, j := range u.jobs {
		if !j.failed && j.group == nil && !t.isCut(j) {
			j.remove = true
			j.fail(CauseTooLong, fmt.Errorf("its pods were thawed before it was cut: %w", err))
		}
	}
	return broken
}

// isUncut reports whether there is something to be cut of a job.
func (t *taking) isUncut(j *job) bool {
	return !j.failed && !t.isCut(j) && (j.group == nil || !j.group.cut)
}

// restless are the pods to bring to rest. What an earlier call has cut, or has begun as a group, needs none.
func (t *taking) restless(u *unit) []podName {
	pods := map[podName]bool{}
	for _, j := range u.jobs {
		if t.opts.Quiesce == nil || !t.isUncut(j) || j.group != nil && j.group.found {
			continue
		}
		for _, name := range j.result.Pods {
			pods[podName{j.result.Namespace, name}] = true
		}
	}
	return slices.SortedFunc(maps.Keys(pods), podName.compare)
}

// thaw ends the rest of a pod, and writes down for how long it was.
func (t *taking) thaw(ctx context.Context, u *unit, p podName, thaw func(context.Context) error, since time.Time) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), thawLimit)
	defer cancel()
	err := thaw(ctx)
	for _, j := range t.rested(u, p, since) {
		if err != nil {
			j.lack("thaw pod %s: %v", p.name, err)
		}
	}
}

// rested writes down for how long a pod was at rest, and gives the jobs that it was for.
func (t *taking) rested(u *unit, p podName, since time.Time) (of []*job) {
	rested := time.Since(since)
	for _, j := range u.jobs {
		if j.result.Namespace == p.namespace && slices.Contains(j.result.Pods, p.name) {
			j.result.Frozen = append(j.result.Frozen, Frozen{Pod: p.name, For: rested})
			of = append(of, j)
		}
	}
	return of
}

// conclude writes the result of a job.
func (t *taking) conclude(ctx context.Context, j *job) {
	s, c, _ := t.state(j)
	if s != nil && !j.failed && !t.settledBy(s, c) {
		if s, c = t.lookAgain(ctx, j, s); t.settledBy(s, c) {
			t.pinLate(ctx, j.unit)
		} else {
			t.giveUp(ctx, j, s)
		}
	}
	if s == nil && !j.failed {
		j.fail(CauseNotBegun, cmp.Or(context.Cause(ctx), errNothing))
	}
	if j.failed {
		t.leave(ctx, j)
		return
	}
	v := view(s, c)
	v.Driver, v.Mode = cmp.Or(v.Driver, j.result.Driver), cmp.Or(v.Mode, j.result.Mode)
	v.Pinned = (v.Pinned || j.pinned) && !j.groupLoose
	if j.marked {
		v.Run = t.opts.Run
	}
	j.result.Outcome, j.result.Snapshot = Snapshotted, &v
	if t.opts.Ready && !v.Ready {
		j.lack("not ready when the time was over: %v", context.Cause(ctx))
	}
	if t.restIsUnknown(j) {
		j.lack("an earlier call has begun it, and whether its pods were at rest when it was cut is not known")
	}
}
