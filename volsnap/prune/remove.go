package prune

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// errChanged is the error of what somebody has changed meanwhile. Nothing was deleted.
var errChanged = errors.New("it has changed since the plan was made: make a new one")

// errNeeded is the error of what has come to be needed meanwhile. Nothing was deleted.
var errNeeded = errors.New("it has come to be needed")

// remove unpins a unit, deletes it, and sees all of its objects gone.
func (r *runner) remove(ctx context.Context, u *unit) error {
	if ctx.Err() != nil {
		return fmt.Errorf("nothing was done: %w", context.Cause(ctx))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, r.opts.Limit, fmt.Errorf("not gone after %v", r.opts.Limit))
	defer cancel()
	if err := r.restored(ctx, u); err != nil {
		return err
	}
	objects := u.objects()
	changed, err := r.needed(ctx, u, objects)
	if err == nil {
		var unpinned []was
		unpinned, err = r.unpin(ctx, u, objects)
		changed = append(changed, unpinned...)
	}
	if err == nil {
		err = r.deleteFirst(ctx, u, objects[0])
	}
	if err != nil {
		if left := r.putBack(ctx, changed); left != nil {
			return fmt.Errorf("%v; and was not left as it was: %w", err, left) // not errChanged: something was changed
		}
		return err
	}
	return r.gone(ctx, objects)
}

// deleteFirst deletes the object that the others follow. A finalizer that snapshot-controller has added, for the policy that
// we have set, is no change.
func (r *runner) deleteFirst(ctx context.Context, u *unit, o Object) error {
	in := r.in.Resource(r.resource(o.Resource)).Namespace(o.Namespace)
	for {
		uid := types.UID(o.UID)
		err := in.Delete(ctx, o.Name, metav1.DeleteOptions{
			Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &o.Version},
		})
		switch {
		case err == nil:
			return nil
		case apierrors.IsNotFound(err):
			return errChanged
		case !apierrors.IsConflict(err):
			return fmt.Errorf("delete %s %s: %w", o.Resource, o.Name, err)
		}
		version, err := r.unchanged(ctx, u, o)
		if err != nil {
			return err
		}
		o.Version = version
	}
}

// unchanged gives the version of an object that is as it was, but for its finalizers.
func (r *runner) unchanged(ctx context.Context, u *unit, o Object) (string, error) {
	switch o.Resource {
	case api.Snapshots.Resource:
		now, err := api.Get[api.Snapshot](ctx, r.in, api.Snapshots, o.Namespace, o.Name)
		if err != nil {
			return "", err
		}
		was := *u.members[0].snapshot
		version := now.ResourceVersion
		return version, same(now, &was, &now.ObjectMeta, &was.ObjectMeta)
	case api.GroupSnapshots:
		now, err := api.Get[api.GroupSnapshot](ctx, r.in, r.resource(o.Resource), o.Namespace, o.Name)
		if err != nil {
			return "", err
		}
		was := *u.group
		version := now.ResourceVersion
		return version, same(now, &was, &now.ObjectMeta, &was.ObjectMeta)
	}
	return "", errChanged // a content, which nobody but us has to change
}

func same(now, was any, meta ...*metav1.ObjectMeta) error {
	for _, m := range meta {
		m.ResourceVersion, m.Generation, m.Finalizers, m.ManagedFields = "", 0, nil, nil
	}
	if !reflect.DeepEqual(now, was) {
		return errChanged
	}
	return nil
}
