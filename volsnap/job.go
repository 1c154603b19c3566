package volsnap

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// job is one snapshot of a run.
type job struct {
	result *Result
	unit   *unit
	group  *group // nil if it is cut alone
	name   string // of the VolumeSnapshot

	found       bool // an earlier call has made it
	foundPinned bool // and has seen its cut

	// What is known, of which taking.mu is the lock.
	snapshot *api.Snapshot
	contents map[string]*api.Content // by uid of the snapshot that they name: another one may have had the name
	gone     bool

	// What only the unit's goroutine touches.
	failed     bool
	ended      bool // its result is told
	remove     bool // of failed: nothing that anybody wants can become of it
	cut        bool // it was seen to be
	pinTried   bool
	pinned     bool // it was done
	groupTried bool
	groupLoose bool   // of groupTried: the content of its group could not be pinned
	marked     bool   // the controller made it, and we have labelled it
	diagnosed  string // the last complaint that was looked into
}

// fail gives a job up. The first failure counts.
func (j *job) fail(cause Cause, err error) {
	if !j.failed {
		j.failed, j.result.Outcome, j.result.Cause, j.result.Error = true, Failed, cause, err.Error()
	}
}

// lack notes what is not as it was asked for.
func (j *job) lack(format string, values ...any) {
	j.result.Lacking = append(j.result.Lacking, fmt.Sprintf(format, values...))
}

// state is what is known of a job now.
func (t *taking) state(j *job) (s *api.Snapshot, c *api.Content, gone bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if j.snapshot == nil {
		return nil, nil, j.gone
	}
	return j.snapshot, j.contents[string(j.snapshot.UID)], j.gone
}

// isCut reports whether the data are frozen, so that pods may go on.
func (t *taking) isCut(j *job) bool {
	s, c, _ := t.state(j)
	return t.cutBy(s, c)
}

// cutBy is isCut by what was seen in one look: a watch may change it until the next one.
func (t *taking) cutBy(s *api.Snapshot, c *api.Content) bool {
	if t.noContents {
		return s != nil && s.Status != nil && s.Status.Content != nil && s.Status.CreationTime != nil
	}
	return contentCut(c)
}

// isSettled reports whether snapshot and content name each other, and the controllers have said all that they have to say of
// the cut.
func (t *taking) isSettled(j *job) bool {
	s, c, _ := t.state(j)
	return t.settledBy(s, c)
}

// settledBy is isSettled by what was seen in one look.
func (t *taking) settledBy(s *api.Snapshot, c *api.Content) bool {
	return s != nil && t.cutBy(s, c) && s.Status != nil && s.Status.CreationTime != nil && (t.noContents || belong(s, c))
}

// isReady reports whether it may be restored from.
func (t *taking) isReady(j *job) bool {
	s, c, _ := t.state(j)
	return t.settledBy(s, c) && view(s, c).Ready
}

// await waits until each job of the unit is done or has failed.
func (t *taking) await(ctx context.Context, u *unit, done func(*job) bool) error {
	for {
		pending := false
		for _, j := range u.jobs {
			t.look(ctx, j)
			pending = pending || !j.failed && !done(j)
		}
		if !pending {
			return nil
		}
		select {
		case <-u.changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// lookAgain reads what a job has when the time is over: the watches may be behind.
func (t *taking) lookAgain(ctx context.Context, j *job, last *api.Snapshot) (*api.Snapshot, *api.Content) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveLimit)
	defer cancel()
	s, err := api.Get[api.Snapshot](ctx, t.cluster.dynamic, api.Snapshots, last.Namespace, last.Name)
	if err != nil || s.UID != last.UID {
		return last, nil // that is looked into next
	}
	t.readSnapshot(s)
	if c, err := t.cluster.contentOf(ctx, s); err == nil && c != nil && !t.noContents {
		t.readContent(c)
	}
	s, c, _ := t.state(j)
	return s, c
}

// look fails a job whose snapshot can't become what the plan wants.
func (t *taking) look(ctx context.Context, j *job) {
	s, c, gone := t.state(j)
	v := &j.result.Volume
	switch {
	case j.failed:
		return
	case s == nil:
		t.lookForMember(j)
		return
	case gone:
		j.fail(CauseDeleted, fmt.Errorf("somebody deleted snapshot %s", s.Name))
	case s.DeletionTimestamp != nil:
		j.fail(CauseDeleted, fmt.Errorf("snapshot %s is being deleted: call again when it is gone", s.Name))
	case value(s.Spec.Source.Claim) != v.Claim:
		j.fail(CauseRefused, fmt.Errorf("snapshot %s is there, and not of the claim", s.Name))
	case c == nil && j.cut && !t.noContents:
		j.fail(CauseDeleted, fmt.Errorf("somebody deleted the content of snapshot %s", s.Name))
	case c != nil && c.Spec.Driver != v.Driver:
		j.remove = !j.found
		j.fail(CauseOtherDriver, fmt.Errorf("class %s is of driver %s by now, and the volume of %s: plan again",
			v.Class, c.Spec.Driver, v.Driver))
	case c != nil && c.Spec.Source.Volume != nil && *c.Spec.Source.Volume != v.Handle:
		j.remove = !j.found
		j.fail(CauseOtherVolume, fmt.Errorf("snapshot %s is of volume %.200q, and the plan says %.200q: plan again, with another id",
			s.Name, *c.Spec.Source.Volume, v.Handle))
	default:
		t.lookInto(ctx, j, s, c)
	}
	j.cut = j.cut || t.isCut(j)
}

// complaint is what the controllers say is wrong, "" if they are content. A snapshot says later what its content does.
func complaint(s *api.Snapshot, c *api.Content) string {
	if c != nil {
		return said(contentError(c))
	}
	if s.Status == nil {
		return ""
	}
	return said(s.Status.Error)
}

// lookInto finds out whether what the controllers complain of can heal. That of a migrated volume does with the content that we
// make for it.
func (t *taking) lookInto(ctx context.Context, j *job, s *api.Snapshot, c *api.Content) {
	text := complaint(s, c)
	if text == "" || text == j.diagnosed || c == nil && j.result.Migrated || contentCut(c) {
		return
	}
	d, err := t.cluster.diagnose(ctx, s)
	if err != nil {
		return // at the end it is looked into once more
	}
	if j.diagnosed = text; !d.Heals {
		j.remove = true
		j.fail(d.Cause, errors.New(cmp.Or(d.Detail, text)+": "+d.Next))
	}
}
