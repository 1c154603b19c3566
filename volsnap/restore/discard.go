package restore

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/internal/adopt"
	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// Discard deletes the old volume of a swap that has ended, with its data, and waits until it is gone. The swap can't be undone
// then. It can be called again if it was killed, or the storage has refused. pv is Swapped.Old; a volume that has no swap
// written on it, or that a claim has, is refused.
//
// The safety snapshot stays, as after Undo and after a swap that has failed. If Swap has taken it, it is outside of the
// retention of backups, by its label clustersnap.github.io/purpose: safety, and goes by Options.Safety of volsnap/prune.
func Discard(ctx context.Context, c *volsnap.Cluster, pv string) error {
	if err := discard(ctx, c.Dynamic(), pv); err != nil {
		return fmt.Errorf("discard volume %s: %w", pv, err)
	}
	return nil
}

func discard(ctx context.Context, in dynamic.Interface, name string) error {
	pv, err := api.Get[corev1.PersistentVolume](ctx, in, api.Volumes, "", name)
	if err != nil {
		return err
	}
	if pv.Labels[labelSwap] == "" {
		return fmt.Errorf("%w: it has no label %s", ErrNoSwap, labelSwap)
	}
	o, err := readJournal(pv)
	switch {
	case err != nil:
		return err
	case o.Step != replaced && o.Step != discarding:
		return fmt.Errorf("%w: the swap has not ended: go on with it, or undo it", ErrJournal)
	case pv.Status.Phase != corev1.VolumeReleased && (o.Step != discarding || pv.Status.Phase != corev1.VolumeFailed),
		pv.Spec.ClaimRef == nil, pv.Spec.ClaimRef.UID != o.Was.UID:
		return errors.New("it is not free: a claim has it, or had it since")
	}
	o.Step, o.Call = discarding, newCall()
	if err := o.writeWith(ctx, in, corev1.PersistentVolumeReclaimDelete); err != nil {
		return err
	}
	return volumeGone(ctx, in, name)
}

// volumeGone waits until a volume is deleted, or whoever deletes it has given up.
func volumeGone(ctx context.Context, in dynamic.Interface, name string) error {
	return api.Until(ctx, in, api.Volumes, "", name, func(pv *corev1.PersistentVolume) (bool, error) {
		if pv != nil && pv.Status.Phase == corev1.VolumeFailed {
			return false, fmt.Errorf("volume %s can't be deleted: %s", name, adopt.Bounded(pv.Status.Message))
		}
		return pv == nil, nil
	})
}
