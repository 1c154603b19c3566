package restore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/volsnap/internal/adopt"
	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// annotationFrom is on a claim: the uid of the VolumeSnapshot that it was made of. Another one may have its name by now.
const annotationFrom = "clustersnap.github.io/restored-from"

// importPrefix begins the names of what is imported for a claim.
const importPrefix = "clustersnap-restore-"

// order is a claim that is to be made of a snapshot, checked.
type order struct {
	*source
	class *storagev1.StorageClass
	claim *corev1.PersistentVolumeClaim
	opts  ClaimOptions
	pair  *adopt.Pair // what was imported for it; nil in the snapshot's own namespace

	labels   map[string]string // of what is imported
	consumer bool              // a pod was started for it, so there is something to wait for
	made     bool              // the claim was made by this call
}

// newOrder makes the rest of the provisioner's checks, and fills in what the caller leaves open.
func newOrder(
	ctx context.Context, src *source, like *corev1.PersistentVolumeClaim, namespace, name string, opts ClaimOptions,
) (*order, error) {
	class, err := chooseClass(ctx, src.in, src.content.Spec.Driver, opts.StorageClass, like)
	if err != nil {
		return nil, err
	}
	o := &order{source: src, class: class, opts: opts, claim: claimOf(namespace, name, opts)}
	o.claim.Annotations = map[string]string{}
	maps.Copy(o.claim.Annotations, opts.Annotations)
	o.claim.Annotations[annotationFrom] = string(src.snapshot.UID)
	o.claim.Spec.StorageClassName = &class.Name
	o.claim.Spec.DataSource = &corev1.TypedLocalObjectReference{
		APIGroup: new(string), Kind: "VolumeSnapshot", Name: o.importName(),
	}
	*o.claim.Spec.DataSource.APIGroup = api.SnapshotGroup
	for _, mode := range opts.AccessModes {
		o.claim.Spec.AccessModes = append(o.claim.Spec.AccessModes, corev1.PersistentVolumeAccessMode(mode))
	}
	switch {
	case len(opts.AccessModes) > 0:
	case like != nil:
		o.claim.Spec.AccessModes = like.Spec.AccessModes
	default:
		o.claim.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
	}
	return o, errors.Join(o.size(like), o.mode(like))
}

// importName is the name of the snapshot that the claim is made of, in its namespace.
func (o *order) importName() string {
	if o.claim.Namespace == o.snapshot.Namespace {
		return o.snapshot.Name
	}
	sum := sha256.Sum256([]byte(o.snapshot.Namespace + "/" + o.snapshot.Name + "\x00" + o.claim.Name))
	return importPrefix + hex.EncodeToString(sum[:])[:32]
}

func (o *order) size(like *corev1.PersistentVolumeClaim) error {
	least, size := o.restoreSize(), o.opts.Size
	if size == 0 {
		size = least
		if like != nil {
			asked, has := like.Spec.Resources.Requests[corev1.ResourceStorage], like.Status.Capacity[corev1.ResourceStorage]
			size = max(size, asked.Value(), has.Value())
		}
	}
	switch {
	case size <= 0:
		return fmt.Errorf("%w: the driver does not say what the snapshot needs, and the claim is gone: say a size", ErrUnfit)
	case size < least:
		return fmt.Errorf("%w: %d bytes, and the snapshot needs %d", ErrUnfit, size, least)
	}
	quantity := resource.NewQuantity(size, resource.BinarySI)
	o.claim.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: *quantity}
	return nil
}

func (o *order) mode(like *corev1.PersistentVolumeClaim) error {
	theirs := value(o.content.Spec.SourceVolumeMode)
	mode := cmp.Or(o.opts.Mode, theirs)
	if mode == "" && like != nil {
		mode = string(value(like.Spec.VolumeMode))
	}
	mode = cmp.Or(mode, string(corev1.PersistentVolumeFilesystem))
	if theirs != "" && mode != theirs && !o.opts.ChangeMode {
		return fmt.Errorf("%w: %s was asked for, and it was taken of a volume in mode %s", ErrUnfit, mode, theirs)
	}
	o.claim.Spec.VolumeMode = (*corev1.PersistentVolumeMode)(&mode)
	return nil
}

// place makes the claim, and before it what it is made of; what is there already is left.
func (o *order) place(ctx context.Context) error {
	there, err := api.Get[corev1.PersistentVolumeClaim](ctx, o.in, api.Claims, o.claim.Namespace, o.claim.Name)
	switch {
	case err == nil:
		return o.goOn(ctx, there)
	case !apierrors.IsNotFound(err):
		return err
	}
	if err := o.create(ctx); err != nil {
		return errors.Join(err, o.abandon(ctx))
	}
	return nil
}

func (o *order) create(ctx context.Context) error {
	if o.claim.Namespace != o.snapshot.Namespace {
		if err := o.fetch(ctx); err != nil {
			return err
		}
	}
	if err := o.allowMode(ctx); err != nil {
		return err
	}
	u, err := api.To(o.claim, api.Claims, "PersistentVolumeClaim")
	if err != nil {
		return err
	}
	made, err := o.in.Resource(api.Claims).Namespace(o.claim.Namespace).Create(ctx, u, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("create claim: %w", err)
	}
	o.claim.UID, o.made = made.GetUID(), true
	return nil
}

// abandon takes away what was made for a claim that could not be made, whatever has become of ctx. If only the answer was lost,
// the claim is there and needs it.
func (o *order) abandon(ctx context.Context) error {
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoLimit)
	defer cancel()
	_, err := api.Get[corev1.PersistentVolumeClaim](own, o.in, api.Claims, o.claim.Namespace, o.claim.Name)
	if !apierrors.IsNotFound(err) {
		return err
	}
	err = o.forbidMode(own)
	if o.pair == nil {
		return err
	}
	if failed := dropImport(own, o.in, o.pair); failed != nil {
		return errors.Join(err, fmt.Errorf("what was imported for the claim is left over: %w", failed))
	}
	o.pair = nil
	return err
}

// goOn takes the claim that is there for the one that was to be made, if it is made of the same snapshot.
func (o *order) goOn(ctx context.Context, there *corev1.PersistentVolumeClaim) error {
	if err := o.same(there); err != nil {
		return err
	}
	o.claim.UID = there.UID
	pending := there.Status.Phase != corev1.ClaimBound
	if o.claim.Namespace == o.snapshot.Namespace {
		if pending {
			return o.allowMode(ctx)
		}
		return nil
	}
	o.pair = o.imported()
	copied, err := api.Get[api.Snapshot](ctx, o.in, api.Snapshots, o.pair.Namespace, o.pair.Name)
	switch {
	case err == nil:
		o.pair.UID = copied.UID
	case !apierrors.IsNotFound(err):
		return err
	case pending:
		if err := o.fetch(ctx); err != nil {
			return err
		}
		return o.allowMode(ctx)
	}
	return nil
}

// same refuses a claim that is not made of this very snapshot, or is not as it was ordered. What was left open, and was filled
// in by what there was then, is not compared.
func (o *order) same(there *corev1.PersistentVolumeClaim) error {
	size, mode, opts := there.Spec.Resources.Requests[corev1.ResourceStorage], value(there.Spec.VolumeMode), o.opts
	switch {
	case there.DeletionTimestamp != nil:
		return fmt.Errorf("%w, and it is being deleted", ErrExists)
	case madeOf(there) != o.importName() || there.Annotations[annotationFrom] != string(o.snapshot.UID):
		return fmt.Errorf("%w, which is not made of this snapshot", ErrExists)
	case opts.Size != 0 && size.Value() != opts.Size,
		opts.StorageClass != "" && value(there.Spec.StorageClassName) != opts.StorageClass,
		opts.Mode != "" && string(mode) != opts.Mode,
		len(opts.AccessModes) > 0 && !slices.Equal(there.Spec.AccessModes, o.claim.Spec.AccessModes):
		return fmt.Errorf("%w, which is made of this snapshot with another size, class or mode", ErrExists)
	}
	return nil
}

// madeOf is the snapshot that a claim is made of, "" if it is made of something else.
func madeOf(claim *corev1.PersistentVolumeClaim) string {
	from := claim.Spec.DataSource
	if from == nil || value(from.APIGroup) != api.SnapshotGroup || from.Kind != "VolumeSnapshot" {
		return ""
	}
	return from.Name
}

func (o *order) imported() *adopt.Pair {
	return &adopt.Pair{
		Namespace: o.claim.Namespace, Name: o.importName(),
		Content: adopt.ContentName(o.handle(""), o.claim.Namespace, o.importName()),
	}
}

// fetch imports the snapshot into the claim's namespace.
func (o *order) fetch(ctx context.Context) error {
	handle := o.handle(o.opts.SnapshotClass)
	handle.Labels = o.labels
	pair, err := adopt.Import(ctx, o.in, handle, o.claim.Namespace, o.importName())
	o.pair = pair
	if err != nil {
		return fmt.Errorf("import it: %w", err)
	}
	err = adopt.Ready(ctx, o.in, pair)
	if errors.Is(err, adopt.ErrHandleMissing) {
		return fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	if err != nil {
		return fmt.Errorf("import it: %w", err)
	}
	return nil
}

// dropImport takes away what was imported for a claim. Of the snapshot only the name needs to be known: its answer may have
// been lost, or another process has made it.
func dropImport(ctx context.Context, in dynamic.Interface, pair *adopt.Pair) error {
	there, err := api.Get[api.Snapshot](ctx, in, api.Snapshots, pair.Namespace, pair.Name)
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	drop := *pair
	drop.UID = ""
	if err == nil && value(there.Spec.Source.Content) == pair.Content {
		drop.UID = there.UID
	}
	return adopt.Remove(ctx, in, &drop)
}
