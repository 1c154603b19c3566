package prune

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// backLimit bounds what is done to leave things as they were.
const backLimit = 30 * time.Second

// beingDeleted are the annotations by which snapshot-controller tells the sidecar that a content may go (external-snapshotter,
// pkg/utils/util.go). It writes them when it sees the snapshot deleted. If it never saw that, nobody does.
var beingDeleted = map[string]string{
	api.Contents.Resource: api.AnnotationBeingDeleted,
	api.GroupContents:     "groupsnapshot.storage.kubernetes.io/volumegroupsnapshot-being-deleted",
}

// was is what a content was like before it was changed.
type was struct {
	object Object
	policy string
	added  []string // keys of annotations that it was given
}

// unpin gives the contents of a unit the policy Delete, and gives those that it has changed, or may have. A content that is to
// go by itself gets the annotation without which its sidecar would wait for ever.
func (r *runner) unpin(ctx context.Context, u *unit, objects []Object) ([]was, error) {
	policies, marked := map[string]string{}, map[string]bool{}
	for _, m := range u.members {
		if c := m.content; c != nil {
			policies[string(c.UID)] = c.Spec.DeletionPolicy
			marked[string(c.UID)] = m.snapshot != nil || c.Annotations[beingDeleted[api.Contents.Resource]] != ""
		}
	}
	if c := u.groupContent; c != nil {
		policies[string(c.UID)] = c.Spec.DeletionPolicy
		marked[string(c.UID)] = u.group != nil || c.Annotations[beingDeleted[api.GroupContents]] != ""
	}
	var unpinned []was
	for i := range objects {
		o := &objects[i]
		policy, content := policies[o.UID]
		if !content || policy == api.Delete && marked[o.UID] {
			continue
		}
		before, annotations := was{object: *o, policy: policy}, map[string]any{}
		if key := beingDeleted[o.Resource]; !marked[o.UID] {
			before.added, annotations[key] = []string{key}, "yes"
		}
		err := r.patch(ctx, o, api.Delete, annotations)
		if !refused(err) {
			unpinned = append(unpinned, before) // a server that does not answer may have done it
		}
		if err != nil {
			return unpinned, err
		}
	}
	return unpinned, nil
}

// refused reports whether a server has answered that it did not do what it was asked for.
func refused(err error) bool {
	return errors.Is(err, errChanged) || apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsInvalid(err)
}

// patch changes a content at the version that is known, and gives the next one. An annotation of nil is taken away, and those
// that are not given stay.
func (r *runner) patch(ctx context.Context, o *Object, policy string, annotations map[string]any) error {
	meta := map[string]any{"uid": o.UID, "resourceVersion": o.Version}
	if len(annotations) > 0 {
		meta["annotations"] = annotations
	}
	text, err := json.Marshal(map[string]any{"metadata": meta, "spec": map[string]any{"deletionPolicy": policy}})
	if err != nil {
		return err
	}
	now, err := r.in.Resource(r.resource(o.Resource)).Patch(ctx, o.Name, types.MergePatchType, text, metav1.PatchOptions{})
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return errChanged
	}
	if err != nil {
		return fmt.Errorf("set policy %s of %s %s: %w", policy, o.Resource, o.Name, err)
	}
	o.Version = now.GetResourceVersion()
	return nil
}

// putBack is the way back for what was not deleted after all, whatever has become of ctx.
func (r *runner) putBack(ctx context.Context, changed []was) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), backLimit)
	defer cancel()
	var all []error
	for _, before := range changed {
		if err := r.putBackOne(ctx, before); err != nil {
			all = append(all, fmt.Errorf("%s %s may not be pinned any more: %w", before.object.Resource, before.object.Name, err))
		}
	}
	return errors.Join(all...)
}

// putBackOne gives a content back what it was like, at whatever version it has by now. One that is being deleted stays as it
// is: with policy Retain it would go and leave in the storage what nobody knows of.
func (r *runner) putBackOne(ctx context.Context, before was) error {
	o := before.object
	annotations := map[string]any{}
	for _, key := range before.added {
		annotations[key] = nil
	}
	for {
		now, err := api.Get[state](ctx, r.in, r.resource(o.Resource), "", o.Name)
		switch {
		case err != nil:
			return err
		case string(now.UID) != o.UID:
			return errors.New("it is gone, and another has its name")
		case now.DeletionTimestamp != nil:
			return errors.New("it is being deleted")
		}
		o.Version = now.ResourceVersion
		if err := r.patch(ctx, &o, before.policy, annotations); !errors.Is(err, errChanged) {
			return err
		}
	}
}
