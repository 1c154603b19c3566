package volsnap

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/volsnap/internal/adopt"
	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// How long a request that failed for a reason that may pass is put off, twice as long each time.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// again makes a request until it works, the server refuses it, or ctx ends.
func again(ctx context.Context, request func() error) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := request()
		if err == nil || refused(err) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return fmt.Errorf("%w, after: %w", context.Cause(ctx), err)
		}
	}
}

// refused reports whether the server will say the same the next time.
func refused(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	code := status.Status().Code
	return code >= 400 && code < 500 && code != 408 && code != 429
}

// create makes the snapshots of a unit that are not there, but for those of its groups.
func (t *taking) create(ctx context.Context, u *unit) {
	for _, j := range u.jobs {
		s, _, _ := t.state(j)
		if j.failed || j.group != nil {
			continue
		}
		if s == nil {
			if err := t.createOne(ctx, j); err != nil {
				j.fail(causeOf(ctx, err), fmt.Errorf("create snapshot %s: %w", j.name, err))
				continue
			}
		}
		if j.result.Migrated {
			if err := t.createContent(ctx, j); err != nil {
				j.remove = true
				j.fail(causeOf(ctx, err), fmt.Errorf("create the content of snapshot %s: %w", j.name, err))
			}
		}
	}
}

// causeOf is why a request has failed.
func causeOf(ctx context.Context, err error) Cause {
	switch {
	case refused(err) || ctx.Err() == nil:
		return CauseRefused
	case errors.Is(context.Cause(ctx), errTooLong):
		return CauseTooLong
	}
	return CauseNotBegun
}

func (t *taking) createOne(ctx context.Context, j *job) error {
	v := &j.result.Volume
	s := &api.Snapshot{ObjectMeta: metav1.ObjectMeta{
		Name: j.name, Labels: map[string]string{api.LabelRun: t.opts.Run},
		Annotations: map[string]string{api.AnnotationClaim: v.Claim},
	}}
	s.Spec.Source.Claim, s.Spec.ClassName = &v.Claim, &v.Class
	object, err := api.To(s, api.Snapshots, "VolumeSnapshot")
	if err != nil {
		return err
	}
	in := t.cluster.dynamic.Resource(api.Snapshots).Namespace(v.Namespace)
	err = again(ctx, func() error {
		made, err := in.Create(ctx, object, metav1.CreateOptions{})
		if err != nil {
			return err
		}
		s, err = api.From[api.Snapshot](made)
		return err
	})
	j.found = j.found && err != nil // also of a group that was given up
	if apierrors.IsAlreadyExists(err) || err != nil && ctx.Err() != nil {
		// By a call whose answer was lost, by another process, or by somebody else. The time may be over as well.
		ended := err
		background, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveLimit)
		defer cancel()
		s, err = api.Get[api.Snapshot](background, t.cluster.dynamic, api.Snapshots, v.Namespace, j.name)
		if apierrors.IsNotFound(err) || err != nil && ctx.Err() != nil {
			return ended
		}
		if err != nil {
			return err
		}
		if s.Labels[api.LabelRun] != t.opts.Run {
			return errors.New("somebody else has a snapshot of that name")
		}
	}
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if j.snapshot == nil || j.snapshot.UID != s.UID {
		j.snapshot = s
	}
	return nil
}

// createContent makes the content that snapshot-controller refuses to make for a migrated volume: by the name that it would
// have, with the uid of the snapshot. The controller takes it for its own.
func (t *taking) createContent(ctx context.Context, j *job) error {
	s, there, _ := t.state(j)
	if there != nil {
		return nil
	}
	v := &j.result.Volume
	class, err := api.Get[api.Class](ctx, t.cluster.dynamic, api.Classes, "", v.Class)
	if err != nil {
		return err
	}
	c := &api.Content{ObjectMeta: metav1.ObjectMeta{
		Name: contentName(s), Annotations: adopt.Secrets(class, contentName(s), s.Namespace, s.Name),
	}}
	c.Spec.Snapshot = api.Reference{
		APIVersion: api.SnapshotGroup + "/v1", Kind: "VolumeSnapshot", Namespace: s.Namespace, Name: s.Name, UID: string(s.UID),
	}
	c.Spec.Driver, c.Spec.ClassName, c.Spec.DeletionPolicy = v.Driver, &v.Class, class.DeletionPolicy
	c.Spec.Source.Volume = &v.Handle
	if v.Mode != "" {
		c.Spec.SourceVolumeMode = &v.Mode
	}
	object, err := api.To(c, api.Contents, "VolumeSnapshotContent")
	if err != nil {
		return err
	}
	err = again(ctx, func() error {
		_, err := t.cluster.dynamic.Resource(api.Contents).Create(ctx, object, metav1.CreateOptions{})
		return err
	})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}
