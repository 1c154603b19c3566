package restore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// ErrStranger is the error of a claim that has got a volume that was there already, with somebody's data:
// kube-controller-manager binds a claim to any volume of its class that is available, whatever it is to be made of.
var ErrStranger = errors.New("the claim was given a volume that was not made of the snapshot")

// Annotations of volumes (kubernetes, component-helpers/storage/volume; sig-storage-lib-external-provisioner).
const (
	boundByController = "pv.kubernetes.io/bound-by-controller" // it was there before, and was given away
	provisionedBy     = "pv.kubernetes.io/provisioned-by"
)

// provisioned reports whether a volume was made by the provisioner for the claim with the uid. One that was has named the
// claim, by its uid, since it was made.
func provisioned(pv *corev1.PersistentVolume, claim types.UID) bool {
	ref := pv.Spec.ClaimRef
	return ref != nil && ref.UID == claim && pv.Annotations[boundByController] == "" &&
		pv.Spec.CSI != nil && pv.Annotations[provisionedBy] == pv.Spec.CSI.Driver
}

// filled refuses a volume that was not made for the claim. A claim that this call has made is deleted again, and the volume is
// given back first.
func (o *order) filled(ctx context.Context, volume string) error {
	pv, err := api.Get[corev1.PersistentVolume](ctx, o.in, api.Volumes, "", volume)
	if err != nil {
		return err
	}
	claim, err := api.Get[corev1.PersistentVolumeClaim](ctx, o.in, api.Claims, o.claim.Namespace, o.claim.Name)
	if err != nil {
		return err
	}
	// One that was made by a provisioner once and reserved for the claim by its name since.
	older := pv.CreationTimestamp.Before(&claim.CreationTimestamp)
	if provisioned(pv, o.claim.UID) && !older && pv.Spec.CSI.Driver == o.content.Spec.Driver {
		return nil
	}
	err = fmt.Errorf("%w: %s was there before: keep it from being available", ErrStranger, volume)
	if !o.made {
		return fmt.Errorf("%w, and delete the claim", err)
	}
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoLimit)
	defer cancel()
	if failed := giveBack(own, o.in, claim, pv); failed != nil {
		return errors.Join(err, fmt.Errorf("and giving it back failed, look at it: %w", failed))
	}
	return err
}

// giveBack deletes a claim and makes the volume that it was given available again. With policy Delete it would go with the
// claim, so the policy is Retain from now on: a provisioner deletes what it sees released with Delete, even if it was freed
// by then.
func giveBack(
	ctx context.Context, in dynamic.Interface, claim *corev1.PersistentVolumeClaim, pv *corev1.PersistentVolume,
) error {
	keep := map[string]any{"persistentVolumeReclaimPolicy": corev1.PersistentVolumeReclaimRetain}
	if err := changeVolume(ctx, in, pv.Name, claim.UID, nil, keep); err != nil {
		return err
	}
	if _, err := deleteClaim(ctx, in, claim.Namespace, claim.Name, claim.UID); err != nil {
		return err
	}
	return changeVolume(ctx, in, pv.Name, claim.UID, map[string]any{boundByController: nil}, map[string]any{
		"claimRef": nil,
	})
}

// changeVolume changes a volume as long as the claim with the uid has it.
func changeVolume(
	ctx context.Context, in dynamic.Interface, name string, claim types.UID, annotations, spec map[string]any,
) error {
	return again(func() error {
		pv, err := api.Get[corev1.PersistentVolume](ctx, in, api.Volumes, "", name)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil || pv.Spec.ClaimRef == nil || pv.Spec.ClaimRef.UID != claim {
			return err
		}
		meta := map[string]any{"resourceVersion": pv.ResourceVersion}
		if annotations != nil { // null would take all away
			meta["annotations"] = annotations
		}
		text, err := json.Marshal(map[string]any{"metadata": meta, "spec": spec})
		if err != nil {
			return err
		}
		_, err = in.Resource(api.Volumes).Patch(ctx, name, types.MergePatchType, text, metav1.PatchOptions{})
		if err != nil && !apierrors.IsConflict(err) {
			return fmt.Errorf("give volume %s back: %w", name, err)
		}
		return err
	})
}
