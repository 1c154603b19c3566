package restore

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/clustersnap/clustersnap/volsnap"
)

// Errors of the checks of a restore. Nothing is left of one that has them.
var (
	// ErrNotReady is that of a snapshot that is not ready, is being deleted, has no content of its own, or is not in the storage.
	ErrNotReady = errors.New("the snapshot can't be restored from")
	// ErrUnfit is that of a claim that the provisioner would refuse: smaller than what the snapshot needs, of another volume
	// mode, of a StorageClass of another driver; or of a size or class that nobody knows.
	ErrUnfit = errors.New("the claim does not fit the snapshot")
	// ErrExists is that of a claim of the name that is not one of this restore.
	ErrExists = errors.New("there is another claim of the name")
)

// State is what has become of a claim.
type State string

const (
	// Bound is that of a claim that has its volume, with the data.
	Bound State = "bound"
	// WaitsForConsumer is that of a claim whose StorageClass makes volumes where the first pod runs that mounts it, and there
	// is no such pod yet. It is no failure: start the pod.
	WaitsForConsumer State = "waits for consumer"
)

// ClaimOptions are what a claim is to be like. What is empty is as the claim was that the snapshot is of, if it is still there.
type ClaimOptions struct {
	// Size in bytes. If it is 0 and the claim is gone, what the snapshot needs at least, if the driver says so.
	Size int64
	// StorageClass is of the driver of the snapshot. If it is empty and the claim is gone, the driver's default or only one.
	StorageClass string
	// AccessModes, ReadWriteOnce if there is nothing to go by.
	AccessModes []string
	// Mode is Filesystem or Block, that of the snapshot if it is empty. Another one is ErrUnfit, or with ChangeMode is
	// allowed by an annotation on the snapshot's content until the claim is bound or Claim fails: a file system made by
	// others and mounted by the kernel can do harm (KEP
	// 3141).
	Mode       string
	ChangeMode bool
	// Labels and Annotations are put on the claim. Those of the claim that was are not taken over: they may make others
	// act on the copy.
	Labels, Annotations map[string]string
	// SnapshotClass is the VolumeSnapshotClass for use in another namespace; empty: chosen as handover.Import does.
	SnapshotClass string
	// Warned is told what the provisioner says while the claim is pending, one call at a time; it tries again, so that is no
	// end.
	Warned func(message string)
}

// Restored is a claim that was made of a snapshot.
type Restored struct {
	Namespace string `json:"namespace"`
	Claim     string `json:"claim"`
	State     State  `json:"state"`
	PV        string `json:"pv,omitempty"` // of Bound
	// Import is the VolumeSnapshot in the claim's namespace by which another namespace's snapshot is read. It is removed as
	// soon as the claim is bound; until then the claim needs it. Calling Claim again removes it.
	Import string `json:"import,omitempty"`
}

// Claim makes a claim of a snapshot and waits until it has its volume, or waits for a consumer. Size, mode and class are
// checked first, and whether the snapshot is ready and its own; nothing is made if one of them does not do. Of s only
// namespace and name are taken.
//
// In another namespace than the snapshot's it is imported there by its handle, with policy Retain, as long as the claim needs
// it.
//
// Doing it again goes on with the claim that is there, if it was made of the same snapshot (by uid) with the options that are
// given; another one is ErrExists. A claim that gets a volume that was there already, which a cluster does with volumes that
// are available, is deleted again, and is ErrStranger. If ctx ends while the claim is pending, it stays, and the error has
// what the provisioner said last: it may be bound later.
func Claim(
	ctx context.Context, c *volsnap.Cluster, s volsnap.Snapshot, namespace, name string, opts ClaimOptions,
) (*Restored, error) {
	r, err := claim(ctx, c, s, namespace, name, opts)
	if err != nil {
		return r, fmt.Errorf("restore snapshot %s/%s to claim %s/%s: %w", s.Namespace, s.Name, namespace, name, err)
	}
	return r, nil
}

func claim(
	ctx context.Context, c *volsnap.Cluster, s volsnap.Snapshot, namespace, name string, opts ClaimOptions,
) (*Restored, error) {
	src, err := readSource(ctx, c.Dynamic(), s.Namespace, s.Name)
	if err != nil {
		return nil, err
	}
	like, err := src.claim(ctx)
	if err != nil {
		return nil, err
	}
	order, err := newOrder(ctx, src, like, namespace, name, opts)
	if err != nil {
		return nil, err
	}
	if err := order.place(ctx); err != nil {
		if order.pair == nil {
			return nil, err
		}
		return &Restored{Namespace: namespace, Claim: name, Import: order.pair.Name}, err
	}
	return order.finish(ctx)
}

// claimOf is the claim without what the server and the controllers write.
func claimOf(namespace, name string, opts ClaimOptions) *corev1.PersistentVolumeClaim {
	claim := &corev1.PersistentVolumeClaim{}
	claim.Namespace, claim.Name = namespace, name
	claim.Labels = opts.Labels
	return claim
}
