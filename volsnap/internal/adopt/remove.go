package adopt

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// ErrNotBorrowed is the error of a content that is not to be removed as one that was imported: its snapshot would be lost.
var ErrNotBorrowed = errors.New("the content is not one that was imported and is retained")

// Remove takes away the two objects of an import and waits until they are gone. What the storage has stays.
func Remove(ctx context.Context, in dynamic.Interface, p *Pair) error {
	content, err := api.Get[api.Content](ctx, in, api.Contents, "", p.Content)
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	if err == nil && !borrowed(content) {
		return fmt.Errorf("remove import %s/%s: %w: %s", p.Namespace, p.Name, ErrNotBorrowed, p.Content)
	}
	there := err == nil
	if p.UID != "" {
		precondition := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &p.UID}}
		err := in.Resource(api.Snapshots).Namespace(p.Namespace).Delete(ctx, p.Name, precondition)
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("remove import %s/%s: %w", p.Namespace, p.Name, err)
		}
		err = api.Until(ctx, in, api.Snapshots, p.Namespace, p.Name, func(s *api.Snapshot) (bool, error) {
			return s == nil || s.UID != p.UID, nil
		})
		if err != nil {
			return fmt.Errorf("remove import: %w", err)
		}
	}
	if !there {
		return nil
	}
	return removeContent(ctx, in, content)
}

// borrowed reports whether deleting the content leaves what the storage has.
func borrowed(c *api.Content) bool {
	return c.Labels[api.LabelImported] == "true" && c.Spec.DeletionPolicy == api.Retain
}

// removeContent deletes a content, as it was seen and no other, and waits until it is gone. If its policy has changed since,
// nothing is deleted.
func removeContent(ctx context.Context, in dynamic.Interface, c *api.Content) error {
	c, err := release(ctx, in, c)
	if err != nil || c == nil {
		return err
	}
	uid, version := types.UID(c.UID), c.ResourceVersion
	if c.DeletionTimestamp == nil {
		precondition := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version}}
		err := in.Resource(api.Contents).Delete(ctx, c.Name, precondition)
		if apierrors.IsConflict(err) {
			now, err := api.Get[api.Content](ctx, in, api.Contents, "", c.Name)
			switch {
			case apierrors.IsNotFound(err):
				return nil
			case err != nil:
				return err
			case now.UID != c.UID || !borrowed(now):
				return fmt.Errorf("remove import: %w: %s", ErrNotBorrowed, c.Name)
			}
			return removeContent(ctx, in, now)
		}
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("remove import: delete content %s: %w", c.Name, err)
		}
	}
	err = api.Until(ctx, in, api.Contents, "", c.Name, func(now *api.Content) (bool, error) {
		return now == nil || now.UID != c.UID, nil
	})
	if err != nil {
		return fmt.Errorf("remove import: %w", err)
	}
	return nil
}

// release gives a content the annotation without which its sidecar waits for ever: snapshot-controller writes it when it sees
// a snapshot go, which it does not if the snapshot lived for a moment only. It gives the content as it is then, nil if it is
// gone.
func release(ctx context.Context, in dynamic.Interface, c *api.Content) (*api.Content, error) {
	if c.Spec.Snapshot.UID == "" || c.Annotations[api.AnnotationBeingDeleted] != "" {
		return c, nil
	}
	patch := fmt.Sprintf(`{"metadata":{"uid":%q,"annotations":{%q:"yes"}}}`, c.UID, api.AnnotationBeingDeleted)
	u, err := in.Resource(api.Contents).Patch(ctx, c.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil, nil // it is gone, and another one of its name may be there
	}
	if err != nil {
		return nil, fmt.Errorf("remove import: release content %s: %w", c.Name, err)
	}
	now, err := api.From[api.Content](u)
	if err == nil && !borrowed(now) {
		err = fmt.Errorf("remove import: %w: %s", ErrNotBorrowed, c.Name)
	}
	return now, err
}
