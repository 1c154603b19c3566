package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// ErrSafety is the error of a safety snapshot that does not do: not ready, or not of the volume that is to be replaced.
var ErrSafety = errors.New("the safety snapshot does not do")

// undoLimit bounds what is done after a failure, whatever has become of the caller's context.
const undoLimit = 5 * time.Minute

// Stop brings down what mounts a claim, such as by scaling it to zero, and gives what brings it up again. See [Scale].
type Stop func(ctx context.Context) (start func(context.Context) error, err error)

// SwapOptions are how to swap.
type SwapOptions struct {
	// Stop is called once all checks have passed and the old volume is kept, and what it gives at the end, after a failure too.
	// After a crash it is called again. If it is nil, a claim that a pod mounts is ErrInUse.
	Stop Stop
	// Safety takes a snapshot of the claim as it is, before anything is changed, and waits until it is ready. If it is nil,
	// volsnap takes one, in a run of its own.
	Safety func(ctx context.Context) (*volsnap.Snapshot, error)
	// Size and StorageClass of the new claim; as before if they are empty.
	Size         int64
	StorageClass string
	// Warned is as in ClaimOptions.
	Warned func(message string)
}

// Swapped is a claim whose volume was replaced by one made of a snapshot.
type Swapped struct {
	Namespace string `json:"namespace"`
	Claim     string `json:"claim"`
	State     State  `json:"state"` // Bound, or WaitsForConsumer without Stop: start the pod, and call Swap again, without Stop
	Old       string `json:"old"`   // volume that was replaced; it is kept, with policy Retain, until Discard
	New       string `json:"new,omitempty"`
	Safety    string `json:"safety"` // snapshot of the old volume, in the claim's namespace; see Discard for when it goes
}

// Swap replaces the volume of a claim by one made of a snapshot, under the same name. The steps, each of which is seen done
// before the next: checks; the old volume kept (policy Retain) with the state of the swap written on it; Stop; a safety
// snapshot, ready; the claim deleted; the new one made and bound; start.
//
// A claim that a pod owns is refused, and [Scale] refuses a StatefulSet that deletes its claims: they go when the pods stop.
//
// After an error of Swap the claim is back with its old volume, or the error says that undoing failed too: then, as after a
// crash, the same call goes on, and [Undo] goes back. The state is on the old volume, in a label and an annotation. Of two
// calls that begin at once one is [ErrJournal] and has done nothing; one that comes later takes over, and the first one ends
// with ErrJournal at its next step.
//
// The old volume is never deleted: see [Discard]. The claim is made with the labels and annotations that it had; whoever
// else makes claims of the name, as a GitOps tool, is to be stopped too.
func Swap(
	ctx context.Context, c *volsnap.Cluster, s volsnap.Snapshot, namespace, name string, opts SwapOptions,
) (*Swapped, error) {
	w := &swap{in: c.Dynamic(), cluster: c, opts: opts, namespace: namespace, name: name}
	w.journal.From.Namespace, w.journal.From.Name = s.Namespace, s.Name
	done, err := w.run(ctx)
	if err != nil {
		return nil, fmt.Errorf("swap claim %s/%s: %w", namespace, name, err)
	}
	return done, nil
}

// swap is one call of Swap.
type swap struct {
	in              dynamic.Interface
	cluster         *volsnap.Cluster
	opts            SwapOptions
	namespace, name string
	old
	order   *order
	placed  bool // a call before has made the new claim
	start   func(context.Context) error
	started bool // what was stopped was started again, and may mount the new claim
}

func (w *swap) run(ctx context.Context) (done *Swapped, err error) {
	if err := w.check(ctx); err != nil {
		return nil, err
	}
	if err := w.lock(ctx); err != nil {
		return nil, err
	}
	done, err = w.steps(ctx)
	switch {
	case err == nil, errors.Is(err, errOvertaken): // then the other one starts what was stopped
		return done, err
	case w.placed && w.opts.Stop == nil:
		return nil, fmt.Errorf("%w; the swap has not ended: call it again, or Undo", err)
	}
	defer func() { err = errors.Join(err, w.up(ctx)) }()
	if failed := w.back(ctx); failed != nil {
		if errors.Is(failed, errOvertaken) {
			w.start = nil
		}
		return nil, errors.Join(err, fmt.Errorf("and going back failed, call Undo: %w", failed))
	}
	if w.Safety != "" {
		err = fmt.Errorf("%w; the safety snapshot %s is left", err, w.Safety)
	}
	return nil, fmt.Errorf("%w; the claim is back with its old volume %s", err, w.pv.Name)
}

// lock notes on the old volume, before anything is stopped, that this call swaps it, and keeps the volume whatever becomes of
// its claim. Of two calls at once one writes first, and the other one has done nothing.
func (w *swap) lock(ctx context.Context) error {
	first := w.Step == ""
	if first {
		w.Step = preparing
	}
	w.Call = newCall()
	err := w.write(ctx, w.in)
	if err == nil || !first || errors.Is(err, errOvertaken) {
		return err
	}
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoLimit)
	defer cancel()
	return errors.Join(err, w.withdraw(own, w.in))
}

func (w *swap) steps(ctx context.Context) (*Swapped, error) {
	if err := w.stop(ctx); err != nil {
		return nil, err
	}
	if w.Step == preparing {
		if err := w.begin(ctx); err != nil {
			return nil, err
		}
	}
	return w.replace(ctx)
}

// back undoes what this call or one before has done, whatever has become of ctx.
func (w *swap) back(ctx context.Context) error {
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoLimit)
	defer cancel()
	if w.started {
		if err := w.stop(own); err != nil {
			return err
		}
	}
	_, err := undo(own, w.in, &w.old)
	return err
}

// check finds what is to be replaced, or what another process has left, and checks the new claim.
func (w *swap) check(ctx context.Context) error {
	all, err := swaps(ctx, w.in, w.namespace, w.name)
	if err != nil {
		return err
	}
	left, err := open(all)
	switch {
	case err != nil:
		return err
	case left == nil:
		err = w.find(ctx)
	case left.Step == undoing:
		err = fmt.Errorf("%w: another swap of it is being undone: call Undo", ErrJournal)
	case left.From != w.From:
		err = fmt.Errorf("%w: another swap of it, from snapshot %s/%s, has not ended: go on with that or undo it",
			ErrJournal, left.From.Namespace, left.From.Name)
	default:
		w.old = *left
	}
	if err != nil {
		return err
	}
	src, err := readSource(ctx, w.in, w.From.Namespace, w.From.Name)
	if err != nil {
		return err
	}
	if w.order, err = newOrder(ctx, src, &w.Was, w.namespace, w.name, w.claimOptions()); err != nil || left == nil {
		return err
	}
	now, err := api.Get[corev1.PersistentVolumeClaim](ctx, w.in, api.Claims, w.namespace, w.name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	w.placed = err == nil && now.UID != w.Was.UID && w.order.same(now) == nil
	return err
}

// find finds the claim and its volume.
func (w *swap) find(ctx context.Context) error {
	claim, err := api.Get[corev1.PersistentVolumeClaim](ctx, w.in, api.Claims, w.namespace, w.name)
	switch {
	case err != nil:
		return err
	case claim.DeletionTimestamp != nil:
		return errors.New("the claim is being deleted")
	case claim.Status.Phase != corev1.ClaimBound:
		return errors.New("the claim has no volume that could be replaced")
	case ownedByPod(claim):
		return errors.New("a pod owns the claim, and it would go with the pod: " +
			"a StatefulSet with whenScaled: Delete, or an ephemeral volume")
	}
	pv, err := api.Get[corev1.PersistentVolume](ctx, w.in, api.Volumes, "", claim.Spec.VolumeName)
	switch {
	case err != nil:
		return err
	case pv.Spec.ClaimRef == nil || pv.Spec.ClaimRef.UID != claim.UID:
		return fmt.Errorf("volume %s is not bound to the claim", pv.Name)
	}
	w.pv = pv
	w.Version, w.Namespace, w.Claim, w.Policy = journalVersion, w.namespace, w.name, pv.Spec.PersistentVolumeReclaimPolicy
	w.Was = bare(claim)
	return nil
}

func ownedByPod(claim *corev1.PersistentVolumeClaim) bool {
	return slices.ContainsFunc(claim.OwnerReferences, func(o metav1.OwnerReference) bool {
		return o.Kind == "Pod" && o.APIVersion == "v1"
	})
}

// bare is a claim as somebody would write it, with its uid.
func bare(claim *corev1.PersistentVolumeClaim) corev1.PersistentVolumeClaim {
	was := corev1.PersistentVolumeClaim{Spec: *claim.Spec.DeepCopy()}
	was.Namespace, was.Name, was.UID = claim.Namespace, claim.Name, claim.UID
	was.Labels, was.OwnerReferences = claim.Labels, claim.OwnerReferences
	was.Annotations = map[string]string{}
	for key, value := range claim.Annotations {
		if !written[key] {
			was.Annotations[key] = value
		}
	}
	return was
}

// written are the annotations of claims that controllers write (kubernetes, component-helpers/storage/volume).
var written = map[string]bool{
	"pv.kubernetes.io/bind-completed":               true,
	"pv.kubernetes.io/bound-by-controller":          true,
	"volume.kubernetes.io/storage-provisioner":      true,
	"volume.beta.kubernetes.io/storage-provisioner": true,
	selectedNode: true,
}

// claimOptions make the new claim as the old one was.
func (w *swap) claimOptions() ClaimOptions {
	opts := ClaimOptions{
		Size: w.opts.Size, StorageClass: w.opts.StorageClass, Mode: string(value(w.Was.Spec.VolumeMode)),
		Labels: w.Was.Labels, Annotations: w.Was.Annotations, Warned: w.opts.Warned,
	}
	for _, mode := range w.Was.Spec.AccessModes {
		opts.AccessModes = append(opts.AccessModes, string(mode))
	}
	return opts
}

// stop brings down what mounts the claim.
func (w *swap) stop(ctx context.Context) error {
	switch {
	case w.opts.Stop == nil && w.placed: // the caller has started the pod that the new claim waits for
		return nil
	case w.opts.Stop == nil:
		return unused(ctx, w.in, w.namespace, w.name)
	}
	start, err := w.opts.Stop(ctx)
	w.start = start
	if err == nil {
		err = drained(ctx, w.in, w.namespace, w.name)
	}
	if err != nil {
		return fmt.Errorf("stop what mounts it: %w", err)
	}
	return nil
}

// up starts what was stopped, once, whatever has become of ctx.
func (w *swap) up(ctx context.Context) error {
	if w.start == nil {
		return nil
	}
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoLimit)
	defer cancel()
	start := w.start
	w.start, w.started = nil, true
	if err := start(own); err != nil {
		return fmt.Errorf("start what mounts it again: %w", err)
	}
	return nil
}

// begin takes the safety snapshot and notes it, and what will be imported.
func (w *swap) begin(ctx context.Context) error {
	safety, err := w.safety(ctx)
	if err != nil {
		return err
	}
	w.Safety, w.Step = safety, replacing
	if w.namespace != w.From.Namespace {
		pair := w.order.imported()
		w.Import = &imported{Snapshot: pair.Name, Content: pair.Content}
	}
	return w.write(ctx, w.in)
}

// replace deletes the old claim and makes the new one.
func (w *swap) replace(ctx context.Context) (*Swapped, error) {
	if _, err := deleteClaim(ctx, w.in, w.namespace, w.name, w.Was.UID); err != nil {
		return nil, err
	}
	w.order.claim.OwnerReferences = w.Was.OwnerReferences
	if err := w.order.place(ctx); err != nil {
		return nil, err
	}
	made, err := w.order.finish(ctx)
	if err != nil {
		return nil, err
	}
	if made.State == WaitsForConsumer && w.start != nil {
		if err := w.up(ctx); err != nil {
			return nil, err
		}
		w.order.consumer = true
		if made, err = w.order.finish(ctx); err != nil {
			return nil, err
		}
	}
	done := &Swapped{
		Namespace: w.namespace, Claim: w.name, State: made.State, Old: w.pv.Name, New: made.PV, Safety: w.Safety,
	}
	if made.State != Bound {
		return done, nil
	}
	// Started first: a call that was killed in between is gone on with, and starts it.
	if err := w.up(ctx); err != nil {
		return nil, err
	}
	w.Step, w.New = replaced, made.PV
	if err := w.write(ctx, w.in); err != nil {
		return nil, err
	}
	return done, nil
}

// deleteClaim deletes a claim with the uid and waits until it is gone. Another one by the name is left. It gives the volume
// that the claim had at last, "" if none was seen.
func deleteClaim(ctx context.Context, in dynamic.Interface, namespace, name string, uid types.UID) (volume string, err error) {
	only := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}}
	err = in.Resource(api.Claims).Namespace(namespace).Delete(ctx, name, only)
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("delete claim: %w", err)
	}
	err = api.Until(ctx, in, api.Claims, namespace, name, func(claim *corev1.PersistentVolumeClaim) (bool, error) {
		if claim == nil || claim.UID != uid {
			return true, nil
		}
		volume = claim.Spec.VolumeName
		return false, nil
	})
	return volume, err
}
