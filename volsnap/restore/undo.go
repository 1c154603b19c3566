package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/internal/adopt"
	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// ErrNoSwap is the error of a claim that was not swapped, or whose old volume was discarded.
var ErrNoSwap = errors.New("no swap of the claim is known")

// Undone is a claim that has its old volume again.
type Undone struct {
	Namespace string `json:"namespace"`
	Claim     string `json:"claim"`
	PV        string `json:"pv"`
	// Kept is the volume that the swap had made, if the claim was bound to it: pods may have written to it since, so its policy
	// is Retain now. Delete it if nobody needs it.
	Kept string `json:"kept,omitempty"`
}

// Undo gives a claim back the volume that [Swap] has replaced, after a swap that has ended as after one that was killed. It can
// be called again if it was killed itself. If a claim was swapped several times, the last one is undone. stop is as in
// SwapOptions, and may be nil.
func Undo(ctx context.Context, c *volsnap.Cluster, namespace, name string, stop Stop) (*Undone, error) {
	done, err := undoSwap(ctx, c.Dynamic(), namespace, name, stop)
	if err != nil {
		return nil, fmt.Errorf("undo swap of claim %s/%s: %w", namespace, name, err)
	}
	return done, nil
}

func undoSwap(ctx context.Context, in dynamic.Interface, namespace, name string, stop Stop) (done *Undone, err error) {
	o, err := lastSwap(ctx, in, namespace, name)
	if err != nil {
		return nil, err
	}
	o.Call = newCall()
	w := &swap{in: in, namespace: namespace, name: name, opts: SwapOptions{Stop: stop}}
	defer func() { err = errors.Join(err, w.up(ctx)) }()
	if err := w.stop(ctx); err != nil {
		return nil, err
	}
	return undo(ctx, in, o)
}

// lastSwap gives the swap that has not ended, or the one that has made the claim's volume.
func lastSwap(ctx context.Context, in dynamic.Interface, namespace, name string) (*old, error) {
	all, err := swaps(ctx, in, namespace, name)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(o *old) bool { return o.Step == discarding })
	if o, err := open(all); o != nil || err != nil {
		return o, err
	}
	claim, err := api.Get[corev1.PersistentVolumeClaim](ctx, in, api.Claims, namespace, name)
	if apierrors.IsNotFound(err) && len(all) == 1 {
		return all[0], nil
	}
	if err != nil {
		return nil, err
	}
	for _, o := range all {
		if o.New == claim.Spec.VolumeName {
			return o, nil
		}
	}
	return nil, ErrNoSwap
}

// undo is what is done once nothing mounts the claim. Each step finds what one before it has done.
func undo(ctx context.Context, in dynamic.Interface, o *old) (*Undone, error) {
	done := &Undone{Namespace: o.Namespace, Claim: o.Claim, PV: o.pv.Name}
	if err := o.read(ctx, in); err != nil {
		return nil, err
	}
	now, err := api.Get[corev1.PersistentVolumeClaim](ctx, in, api.Claims, o.Namespace, o.Claim)
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, err
	}
	there := err == nil
	if there && now.UID == o.Was.UID && now.DeletionTimestamp == nil {
		return done, o.erase(ctx, in, o.Policy) // it was never deleted
	}
	o.Step = undoing
	if err := o.write(ctx, in); err != nil {
		return nil, err
	}
	if there && now.Spec.VolumeName != o.pv.Name || there && now.UID == o.Was.UID {
		if done.Kept, err = o.clear(ctx, in, now); err != nil {
			return nil, err
		}
		there = false
	}
	if !there {
		if err := o.putBack(ctx, in); err != nil {
			return nil, err
		}
	}
	if err := o.bound(ctx, in); err != nil {
		return nil, err
	}
	if o.Import != nil {
		pair := &adopt.Pair{Namespace: o.Namespace, Name: o.Import.Snapshot, Content: o.Import.Content}
		if err := dropImport(ctx, in, pair); err != nil {
			return nil, err
		}
	}
	return done, o.erase(ctx, in, o.Policy)
}

// clear takes away the claim that the swap has made, or waits for the old one to go. A volume that it has is kept.
func (o *old) clear(ctx context.Context, in dynamic.Interface, now *corev1.PersistentVolumeClaim) (kept string, err error) {
	if now.UID != o.Was.UID && madeOf(now) == "" {
		return "", fmt.Errorf("%w, which the swap has not made: somebody else has: delete it, and undo again", ErrExists)
	}
	if now.UID != o.Was.UID && now.Spec.VolumeName != "" {
		kept = now.Spec.VolumeName
		keep := []byte(`{"spec":{"persistentVolumeReclaimPolicy":"` + corev1.PersistentVolumeReclaimRetain + `"}}`)
		_, err := in.Resource(api.Volumes).Patch(ctx, kept, types.MergePatchType, keep, metav1.PatchOptions{})
		if err != nil {
			return "", fmt.Errorf("keep volume %s: %w", kept, err)
		}
	}
	_, err = deleteClaim(ctx, in, o.Namespace, o.Claim, now.UID)
	return kept, err
}

// putBack makes the old claim again, for the old volume and for no other. The volume is reserved for it first.
func (o *old) putBack(ctx context.Context, in dynamic.Interface) error {
	err := o.patch(ctx, in, nil, nil, map[string]any{"claimRef": map[string]any{
		"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": o.Namespace, "name": o.Claim,
		"uid": nil, "resourceVersion": nil,
	}})
	if err != nil {
		return err
	}
	was := o.Was.DeepCopy()
	was.UID, was.Spec.VolumeName = "", o.pv.Name
	u, err := api.To(was, api.Claims, "PersistentVolumeClaim")
	if err != nil {
		return err
	}
	if _, err := in.Resource(api.Claims).Namespace(o.Namespace).Create(ctx, u, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("make the old claim again: %w", err)
	}
	return nil
}

// bound waits until the old claim has the old volume.
func (o *old) bound(ctx context.Context, in dynamic.Interface) error {
	return api.Until(ctx, in, api.Claims, o.Namespace, o.Claim, func(claim *corev1.PersistentVolumeClaim) (bool, error) {
		switch {
		case claim == nil:
			return false, errors.New("somebody has deleted the claim")
		case claim.Spec.VolumeName != o.pv.Name:
			return false, fmt.Errorf("%w: it is for volume %.100q", ErrExists, claim.Spec.VolumeName)
		case claim.Status.Phase == corev1.ClaimLost:
			return false, errors.New("the claim has lost its volume")
		}
		return claim.Status.Phase == corev1.ClaimBound, nil
	})
}
