package handover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/internal/adopt"
	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// ErrNotCut is the error of a snapshot whose data are not frozen yet, so that it has no handle.
var ErrNotCut = errors.New("the snapshot is not cut yet")

// Export makes a record of each snapshot, in their order, of what the cluster has by now: of each only namespace and name are
// taken from what is handed in. One that is cut need not be ready. What the claim was like is in the record only if it is
// still there and still has the volume that the snapshot is of, so export after taking, not after a disaster.
//
// After one, what was pinned is there still, as contents without snapshots. Cluster.List does not have them, a plan of
// volsnap/prune does: a Snapshot without a UID and with a Content is looked up by that. Its content must still be for the
// namespace and name. When it was cut, of which run and of which claim it is, is what the pin has written down.
//
// With an error the records are those that could be made; it has one part for each that could not, such as ErrNotCut.
func Export(ctx context.Context, c *volsnap.Cluster, snapshots []volsnap.Snapshot) ([]Record, error) {
	system, err := api.Get[corev1.Namespace](ctx, c.Dynamic(), api.Namespaces, "", "kube-system")
	if err != nil {
		return nil, fmt.Errorf("export snapshots: learn the identity of the cluster: %w", err)
	}
	var records []Record
	var failed []error
	for _, s := range snapshots {
		r, err := export(ctx, c, s)
		if err != nil {
			failed = append(failed, fmt.Errorf("export snapshot %s/%s: %w", s.Namespace, s.Name, err))
			continue
		}
		r.Cluster = string(system.UID)
		records = append(records, *r)
	}
	return records, errors.Join(failed...)
}

func export(ctx context.Context, c *volsnap.Cluster, s volsnap.Snapshot) (*Record, error) {
	find := adopt.Read
	if s.UID == "" && s.Content != "" {
		find = func(ctx context.Context, in dynamic.Interface, namespace, name string) (*api.Snapshot, *api.Content, error) {
			return orphan(ctx, in, namespace, name, s.Content)
		}
	}
	snapshot, content, err := find(ctx, c.Dynamic(), s.Namespace, s.Name)
	if err != nil {
		return nil, err
	}
	status := content.Status
	if status == nil || status.Handle == nil || status.CreationTime == nil {
		return nil, fmt.Errorf("%w: wait for it, or look why it is stuck", ErrNotCut)
	}
	r := &Record{
		Driver: content.Spec.Driver, Handle: *status.Handle, Cut: cutOf(snapshot, content),
		RestoreSize: value(status.RestoreSize), Mode: value(content.Spec.SourceVolumeMode),
		Volume:    value(content.Spec.Source.Volume),
		Namespace: s.Namespace, Snapshot: s.Name, Run: snapshot.Labels[api.LabelRun], Class: value(snapshot.Spec.ClassName),
		Claim:       cmp.Or(snapshot.Annotations[api.AnnotationClaim], value(snapshot.Spec.Source.Claim)),
		GroupHandle: value(status.GroupHandle), DeletionSecret: secretOf(content),
	}
	if snapshot.Status != nil {
		r.Group = value(snapshot.Status.Group)
	}
	if err := addClaim(ctx, c, r); err != nil {
		return nil, err
	}
	return r, r.check()
}

// orphan is a content that has lost its snapshot, with what the snapshot was as far as the content knows.
func orphan(ctx context.Context, in dynamic.Interface, namespace, name, of string) (*api.Snapshot, *api.Content, error) {
	content, err := api.Get[api.Content](ctx, in, api.Contents, "", of)
	if err != nil {
		return nil, nil, err
	}
	ref := content.Spec.Snapshot
	if ref.Namespace != namespace || ref.Name != name {
		return nil, nil, fmt.Errorf("%w: content %s is for snapshot %s/%s", adopt.ErrNotBound, of, ref.Namespace, ref.Name)
	}
	snapshot := &api.Snapshot{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: name, Labels: content.Labels, Annotations: content.Annotations,
	}}
	snapshot.Spec.ClassName = content.Spec.ClassName
	return snapshot, content, nil
}

// cutOf is when the data were frozen: what we have written down of it, or else what the driver says.
func cutOf(s *api.Snapshot, content *api.Content) time.Time {
	if t, err := time.Parse(time.RFC3339Nano, s.Annotations[api.AnnotationCut]); err == nil {
		return t.UTC()
	}
	return time.Unix(0, *content.Status.CreationTime).UTC()
}

func secretOf(content *api.Content) string {
	name := content.Annotations[api.AnnotationDeletionSecret]
	if name == "" {
		return ""
	}
	return content.Annotations[api.AnnotationDeletionSecrets] + "/" + name
}

// addClaim adds what the claim is like, if it is the one that the snapshot is of.
func addClaim(ctx context.Context, c *volsnap.Cluster, r *Record) error {
	if r.Claim == "" || r.Volume == "" {
		return nil
	}
	claim, err := api.Get[corev1.PersistentVolumeClaim](ctx, c.Dynamic(), api.Claims, r.Namespace, r.Claim)
	if apierrors.IsNotFound(err) || err == nil && claim.Spec.VolumeName == "" {
		return nil
	}
	if err != nil {
		return err
	}
	pv, err := api.Get[corev1.PersistentVolume](ctx, c.Dynamic(), api.Volumes, "", claim.Spec.VolumeName)
	if apierrors.IsNotFound(err) || err == nil && (pv.Spec.CSI == nil || pv.Spec.CSI.VolumeHandle != r.Volume) {
		return nil // another claim by now, or a volume in the form from before CSI, whose handle is another
	}
	if err != nil {
		return err
	}
	capacity := pv.Spec.Capacity[corev1.ResourceStorage]
	r.Size, r.FSType, r.Labels = capacity.Value(), pv.Spec.CSI.FSType, claim.Labels
	r.StorageClass = value(claim.Spec.StorageClassName)
	for _, mode := range claim.Spec.AccessModes {
		r.AccessModes = append(r.AccessModes, string(mode))
	}
	if r.Mode == "" && claim.Spec.VolumeMode != nil {
		r.Mode = string(*claim.Spec.VolumeMode)
	}
	return nil
}

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
