package volsnap

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// leaveLimit is how long the run takes for what it leaves of one snapshot when its time is over.
const leaveLimit = 30 * time.Second

// giveUp fails a job whose time is over, for the cause that keeps its snapshot from being cut.
func (t *taking) giveUp(ctx context.Context, j *job, s *api.Snapshot) {
	over := context.Cause(ctx)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveLimit)
	defer cancel()
	d, err := t.cluster.Diagnose(ctx, s.Namespace, s.Name)
	switch {
	case apierrors.IsNotFound(err):
		j.fail(CauseDeleted, fmt.Errorf("somebody deleted snapshot %s", s.Name))
	case err != nil:
		j.fail(CauseTooLong, fmt.Errorf("not cut when the time was over (%w), and why can't be told: %w", over, err))
	default:
		j.fail(d.Cause, fmt.Errorf("not cut when the time was over (%w): %s: %s", over, d.Detail, d.Next))
	}
}

// leave removes what is of no use of a failed job, or tells of it.
func (t *taking) leave(ctx context.Context, j *job) {
	s, c, gone := t.state(j)
	if s == nil || gone {
		return
	}
	if j.remove && j.group == nil { // no member of a group can be deleted alone
		err := t.remove(ctx, s)
		if err == nil {
			return
		}
		j.result.Error += fmt.Sprintf("; and its snapshot is left: %v", err)
	}
	v := view(s, c)
	j.result.Snapshot = &v
}

// remove deletes a snapshot that we made.
func (t *taking) remove(ctx context.Context, s *api.Snapshot) error {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), leaveLimit, errors.New("the server does not answer"))
	defer cancel()
	if err := t.goes(ctx, s); err != nil {
		return err
	}
	err := again(ctx, func() error {
		return t.cluster.dynamic.Resource(api.Snapshots).Namespace(s.Namespace).Delete(ctx, s.Name,
			metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &s.UID}})
	})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// goes is nil if what the storage has goes with a snapshot that is deleted. Of a class that keeps it nothing would be left
// that tells of it, so the snapshot has to stay.
func (t *taking) goes(ctx context.Context, s *api.Snapshot) error {
	c, err := t.cluster.contentOf(ctx, s)
	if err == nil && c != nil && refersTo(c, s) {
		return goesBy(c.Spec.DeletionPolicy)
	}
	if err != nil && !apierrors.IsForbidden(err) {
		return err
	}
	class, err := api.Get[api.Class](ctx, t.cluster.dynamic, api.Classes, "", value(s.Spec.ClassName))
	if apierrors.IsNotFound(err) {
		return nil // without it there was never a content
	}
	if err != nil {
		return err
	}
	return goesBy(class.DeletionPolicy)
}

func goesBy(policy string) error {
	if policy == api.Delete {
		return nil
	}
	return errors.New("its class has the policy Retain, so what the storage has would stay without it: unpin it, and delete it")
}
