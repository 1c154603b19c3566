package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/volsnap/internal/adopt"
	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// source is a snapshot that can be restored from.
type source struct {
	in       dynamic.Interface
	snapshot *api.Snapshot
	content  *api.Content
}

// readSource makes the checks of the provisioner that are about the snapshot alone (external-provisioner,
// getSnapshotSource): it would only write them into an event, and the claim would be pending.
func readSource(ctx context.Context, in dynamic.Interface, namespace, name string) (*source, error) {
	snapshot, content, err := adopt.Read(ctx, in, namespace, name)
	switch {
	case errors.Is(err, adopt.ErrNotBound):
		return nil, fmt.Errorf("%w: %w", ErrNotReady, err)
	case err != nil:
		return nil, err
	case snapshot.DeletionTimestamp != nil || content.DeletionTimestamp != nil:
		return nil, fmt.Errorf("%w: it is being deleted", ErrNotReady)
	case snapshot.Status.ReadyToUse == nil || !*snapshot.Status.ReadyToUse:
		return nil, fmt.Errorf("%w: it is not ready%s: wait for it", ErrNotReady, saidOf(snapshot.Status.Error))
	case content.Status == nil || content.Status.Handle == nil:
		return nil, fmt.Errorf("%w: its content %s has no handle", ErrNotReady, content.Name)
	}
	return &source{in: in, snapshot: snapshot, content: content}, nil
}

func saidOf(e *api.Error) string {
	if e == nil || e.Message == nil {
		return ""
	}
	return " (" + adopt.Bounded(*e.Message) + ")"
}

// claim is the claim that the snapshot is of, nil if that is gone or not known.
func (s *source) claim(ctx context.Context) (*corev1.PersistentVolumeClaim, error) {
	name := cmp.Or(value(s.snapshot.Spec.Source.Claim), s.snapshot.Annotations[api.AnnotationClaim])
	if name == "" {
		return nil, nil
	}
	claim, err := api.Get[corev1.PersistentVolumeClaim](ctx, s.in, api.Claims, s.snapshot.Namespace, name)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return claim, err
}

// handle is the snapshot as an import needs it.
func (s *source) handle(class string) adopt.Handle {
	h := adopt.Handle{
		Driver: s.content.Spec.Driver, Handle: *s.content.Status.Handle, Class: class, TheirClass: value(s.snapshot.Spec.ClassName),
		Mode:  value(s.content.Spec.SourceVolumeMode),
		Claim: cmp.Or(s.snapshot.Annotations[api.AnnotationClaim], value(s.snapshot.Spec.Source.Claim)),
	}
	if t, err := time.Parse(time.RFC3339Nano, s.snapshot.Annotations[api.AnnotationCut]); err == nil {
		h.Cut = t
	} else if s.content.Status.CreationTime != nil {
		h.Cut = time.Unix(0, *s.content.Status.CreationTime)
	}
	return h
}

// restoreSize is what a claim must ask for at least, in bytes; 0 if the driver does not say.
func (s *source) restoreSize() int64 {
	least := value(s.content.Status.RestoreSize)
	if q := s.snapshot.Status.RestoreSize; q != nil {
		least = max(least, q.Value())
	}
	return least
}

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
