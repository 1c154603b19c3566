package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/clustersnap/clustersnap/volsnap/internal/adopt"
	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// sweep removes all that drills of the name have left: namespaces first, then what has none.
func (d *drill) sweep(ctx context.Context) error {
	if err := d.named(); err != nil {
		return err
	}
	for ns, err := range api.List[corev1.Namespace](ctx, d.in, api.Namespaces, "", d.selector()) {
		if err != nil {
			return err
		}
		if !strings.HasPrefix(ns.Name, drillPrefix) {
			return fmt.Errorf("namespace %s has the label %s, and no drill has made it: take the label away",
				ns.Name, labelDrill)
		}
		if err := d.clear(ctx, ns.Name); err != nil {
			return err
		}
		d.done.Swept = append(d.done.Swept, ns.Name)
	}
	return d.clusterWide(ctx)
}

func (d *drill) selector() string { return labelDrill + "=" + d.name }

// sweep1 removes one scratch namespace, and what the drill has beside it.
func (d *drill) sweep1(ctx context.Context, namespace string) error {
	return errors.Join(d.clear(ctx, namespace), d.clusterWide(ctx))
}

// clear empties a scratch namespace and deletes it. The order matters: pods hold claims, and a volume whose policy is Retain
// would stay if its claim went first.
func (d *drill) clear(ctx context.Context, namespace string) error {
	for pod, err := range api.List[corev1.Pod](ctx, d.in, api.Pods, namespace, d.selector()) {
		if err != nil {
			return err
		}
		if err := d.delete(ctx, api.Pods, namespace, pod.Name, pod.UID); err != nil {
			return err
		}
	}
	for claim, err := range api.List[corev1.PersistentVolumeClaim](ctx, d.in, api.Claims, namespace, d.selector()) {
		if err != nil {
			return err
		}
		if err := d.clearClaim(ctx, claim); err != nil {
			return err
		}
	}
	for s, err := range api.List[api.Snapshot](ctx, d.in, api.Snapshots, namespace, d.selector()) {
		if err != nil {
			return err
		}
		pair := &adopt.Pair{Namespace: namespace, Name: s.Name, UID: s.UID, Content: value(s.Spec.Source.Content)}
		if err := adopt.Remove(ctx, d.in, pair); err != nil {
			return err
		}
	}
	ns, err := api.Get[corev1.Namespace](ctx, d.in, api.Namespaces, "", namespace)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return d.delete(ctx, api.Namespaces, "", namespace, ns.UID)
}

// clearClaim deletes a claim and its volume, which it may get while it goes.
func (d *drill) clearClaim(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	volume := claim.Spec.VolumeName
	if volume != "" {
		if own, err := d.settle(ctx, claim, volume); err != nil || !own {
			return err
		}
	}
	last, err := deleteClaim(ctx, d.in, claim.Namespace, claim.Name, claim.UID)
	if volume = cmp.Or(last, volume); err != nil || volume == "" {
		return err
	}
	if own, err := d.settle(ctx, claim, volume); err != nil || !own {
		return err
	}
	return volumeGone(ctx, d.in, volume)
}

// settle makes the volume of a claim disposable. If it was not made for the claim it is somebody else's: the claim is deleted,
// and the volume given back.
func (d *drill) settle(ctx context.Context, claim *corev1.PersistentVolumeClaim, volume string) (own bool, err error) {
	pv, err := api.Get[corev1.PersistentVolume](ctx, d.in, api.Volumes, "", volume)
	if err == nil && !provisioned(pv, claim.UID) {
		return false, giveBack(ctx, d.in, claim, pv)
	}
	if err == nil {
		_, err = d.disposable(ctx, volume)
	}
	if apierrors.IsNotFound(err) {
		_, err = deleteClaim(ctx, d.in, claim.Namespace, claim.Name, claim.UID)
		return false, err
	}
	return true, err
}

// disposable gives the volume of a drill the policy Delete, and its label, by which a later drill finds it. The caller has seen
// that it was made for a claim of a drill.
func (d *drill) disposable(ctx context.Context, volume string) (*corev1.PersistentVolume, error) {
	patch := []byte(`{"metadata":{"labels":{"` + labelDrill + `":"` + d.name + `"}},` +
		`"spec":{"persistentVolumeReclaimPolicy":"Delete"}}`)
	u, err := d.in.Resource(api.Volumes).Patch(ctx, volume, types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return nil, fmt.Errorf("make volume %s disposable: %w", volume, err)
	}
	return api.From[corev1.PersistentVolume](u)
}

// clusterWide removes what has no namespace: volumes, and contents whose snapshots are gone. A claim that was deleted while its
// volume was made gets one all the same, which nobody but the volume itself tells of.
func (d *drill) clusterWide(ctx context.Context) error {
	for pv, err := range api.List[corev1.PersistentVolume](ctx, d.in, api.Volumes, "", "") {
		if err != nil {
			return err
		}
		left, err := d.leftOver(ctx, pv)
		if err != nil {
			return err
		}
		if !left {
			continue
		}
		if !provisioned(pv, pv.Spec.ClaimRef.UID) { // somebody else's, and the drill was killed before it saw that
			claim := &corev1.PersistentVolumeClaim{}
			claim.Namespace, claim.Name, claim.UID = pv.Spec.ClaimRef.Namespace, pv.Spec.ClaimRef.Name, pv.Spec.ClaimRef.UID
			if err := giveBack(ctx, d.in, claim, pv); err != nil {
				return err
			}
			continue
		}
		if _, err := d.disposable(ctx, pv.Name); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
		if err := volumeGone(ctx, d.in, pv.Name); err != nil {
			return err
		}
	}
	for content, err := range api.List[api.Content](ctx, d.in, api.Contents, "", d.selector()) {
		if err != nil {
			return err
		}
		if err := adopt.Remove(ctx, d.in, &adopt.Pair{Content: content.Name}); err != nil {
			return err
		}
	}
	return nil
}

// leftOver reports whether a volume is of a scratch namespace that is gone.
func (d *drill) leftOver(ctx context.Context, pv *corev1.PersistentVolume) (bool, error) {
	if pv.Spec.ClaimRef == nil || !strings.HasPrefix(pv.Spec.ClaimRef.Namespace, drillPrefix) {
		if pv.Labels[labelDrill] == d.name {
			return false, fmt.Errorf("volume %s has the label %s, and no drill has made it: take the label away", pv.Name, labelDrill)
		}
		return false, nil
	}
	_, err := api.Get[corev1.Namespace](ctx, d.in, api.Namespaces, "", pv.Spec.ClaimRef.Namespace)
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	return false, err
}

// delete deletes one object, as it was seen and no other, and waits until it is gone.
func (d *drill) delete(ctx context.Context, at schema.GroupVersionResource, namespace, name string, uid types.UID) error {
	only := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}}
	err := d.in.Resource(at).Namespace(namespace).Delete(ctx, name, only)
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("delete %s %s: %w", at.Resource, name, err)
	}
	return api.Until(ctx, d.in, at, namespace, name, func(o *metav1.PartialObjectMetadata) (bool, error) {
		return o == nil || o.UID != uid, nil
	})
}
