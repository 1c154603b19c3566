package restore

import (
	"context"
	"errors"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clustersnap/clustersnap/volsnap/internal/adopt"
	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// selectedNode is put on a claim when the first pod that mounts it is given a node (kubernetes, volume binding).
const selectedNode = "volume.kubernetes.io/selected-node"

var events = schema.GroupVersionResource{Version: "v1", Resource: "events"}

// finish waits for the volume, and takes away what was imported once it is there.
func (o *order) finish(ctx context.Context) (*Restored, error) {
	r := &Restored{Namespace: o.claim.Namespace, Claim: o.claim.Name}
	if o.pair != nil {
		r.Import = o.pair.Name
	}
	err := o.wait(ctx, r)
	bound := r.State == Bound
	if bound {
		err = o.filled(ctx, r.PV)
	}
	if err != nil {
		r.State, r.PV = "", ""
	}
	if err != nil || bound {
		err = errors.Join(err, o.forbidMode(ctx))
	}
	if !bound || o.pair == nil {
		return r, err
	}
	if failed := dropImport(ctx, o.in, o.pair); failed != nil {
		return r, errors.Join(err, fmt.Errorf("what was imported for the claim is left over: %w", failed))
	}
	r.Import = ""
	return r, err
}

// wait follows the claim until it is bound or waits for a pod. What the provisioner says is in events only, and the claim
// itself does not change with them.
func (o *order) wait(ctx context.Context, r *Restored) error {
	listening, stop := context.WithCancel(ctx)
	said := &warnings{tell: o.opts.Warned}
	var heard sync.WaitGroup
	heard.Go(func() { said.listen(listening, o) })
	at := o.claim
	err := api.Until(ctx, o.in, api.Claims, at.Namespace, at.Name, func(claim *corev1.PersistentVolumeClaim) (bool, error) {
		switch {
		case claim == nil || claim.UID != at.UID:
			return false, errors.New("somebody has deleted the claim")
		case claim.Status.Phase == corev1.ClaimBound:
			r.State, r.PV = Bound, claim.Spec.VolumeName
		case claim.Status.Phase == corev1.ClaimLost:
			return false, errors.New("the claim has lost its volume")
		case !o.consumer && claim.Spec.VolumeName == "" && waits(o.class) && claim.Annotations[selectedNode] == "":
			r.State = WaitsForConsumer
		}
		return r.State != "", nil
	})
	stop()
	heard.Wait()
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w; %s", err, said.last())
	}
	return err
}

// warnings are what events say of a claim.
type warnings struct {
	tell func(string)

	mu   sync.Mutex
	text string
	err  error
}

func (w *warnings) listen(ctx context.Context, o *order) {
	field := fields.Set{"involvedObject.name": o.claim.Name, "involvedObject.uid": string(o.claim.UID)}.String()
	err := api.Watch(ctx, o.in, events, o.claim.Namespace, "", field, func(e *corev1.Event, deleted bool) (bool, error) {
		if deleted || e.Type != corev1.EventTypeWarning {
			return false, nil
		}
		text := adopt.Bounded(e.Message)
		w.mu.Lock()
		w.text = text
		w.mu.Unlock()
		if w.tell != nil {
			w.tell(text)
		}
		return false, nil
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	if ctx.Err() == nil {
		w.err = err
	}
}

func (w *warnings) last() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.text != "":
		return "last said: " + w.text
	case w.err != nil:
		return "what the provisioner says could not be read: " + w.err.Error()
	}
	return "nobody has said why: does a provisioner of the driver run?"
}
