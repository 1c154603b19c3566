package restore

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/volsnap/internal/adopt"
	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// What a swap writes on the old volume, so that another process can go on with it or undo it.
const (
	labelSwap      = "clustersnap.github.io/swap" // a hash of namespace and name of the claim
	annotationSwap = "clustersnap.github.io/swap" // the journal
)

// journalVersion is the one that is written, and the newest that is read.
const journalVersion = 1

// ErrJournal is the error of a swap that this program can't go on with or undo.
var ErrJournal = errors.New("the state of a swap can't be used")

// step is how far a swap is.
type step string

const (
	preparing  step = "preparing"  // nothing is changed, but what mounts the claim may be stopped
	replacing  step = "replacing"  // the old claim, the new one or none may be there
	replaced   step = "replaced"   // the new claim was seen bound, and what mounts it was started
	undoing    step = "undoing"    // the old claim is on its way back
	discarding step = "discarding" // the old volume is on its way out
)

// errOvertaken is the error of a call whose journal another one has changed: that goes on or back, and this one keeps off.
var errOvertaken = errors.New("another call goes on with the swap, or undoes it")

// journal is the state of a swap, as an annotation of the old volume.
type journal struct {
	Version   int    `json:"version"`
	Step      step   `json:"step"`
	Call      string `json:"call"` // of the call that works on it, so that another one sees that it was overtaken
	Namespace string `json:"namespace"`
	Claim     string `json:"claim"`
	// Policy is the reclaim policy that the old volume had.
	Policy corev1.PersistentVolumeReclaimPolicy `json:"policy"`
	// From is the snapshot that is restored, Safety the one that was taken before of the old volume, in the claim's namespace.
	From struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"from"`
	Safety string `json:"safety"`
	New    string `json:"new,omitempty"` // volume of the new claim, once that was seen bound
	// Import is what was imported for the new claim, from another namespace, so that whoever undoes the swap removes it.
	Import *imported `json:"import,omitempty"`
	// Was is the claim as it was, with its uid.
	Was corev1.PersistentVolumeClaim `json:"was"`
}

// imported is a VolumeSnapshot in the claim's namespace and its content.
type imported struct {
	Snapshot string `json:"snapshot"`
	Content  string `json:"content"`
}

// old is the volume that a swap replaces, with the journal on it.
type old struct {
	pv    *corev1.PersistentVolume
	tried string // what was last to be written: it is there, though the answer was lost, or is not
	journal
}

// newCall tells one call from another.
func newCall() string {
	var unique [5]byte
	rand.Read(unique[:]) // never fails
	return hex.EncodeToString(unique[:])
}

func swapLabel(namespace, claim string) string {
	sum := sha256.Sum256([]byte(namespace + "/" + claim))
	return hex.EncodeToString(sum[:])[:32]
}

// swaps gives the old volumes of all swaps of a claim.
func swaps(ctx context.Context, in dynamic.Interface, namespace, claim string) ([]*old, error) {
	var all []*old
	label := labelSwap + "=" + swapLabel(namespace, claim)
	for pv, err := range api.List[corev1.PersistentVolume](ctx, in, api.Volumes, "", label) {
		if err != nil {
			return nil, err
		}
		o, err := readJournal(pv)
		if err != nil {
			return nil, err
		}
		if o.Namespace != namespace || o.Claim != claim {
			return nil, fmt.Errorf("%w: that on volume %s is of claim %s/%s", ErrJournal, pv.Name, o.Namespace, o.Claim)
		}
		all = append(all, o)
	}
	return all, nil
}

func readJournal(pv *corev1.PersistentVolume) (*old, error) {
	o := &old{pv: pv}
	text := pv.Annotations[annotationSwap]
	if text == "" {
		return nil, fmt.Errorf("%w: volume %s has the label %s and not the annotation", ErrJournal, pv.Name, labelSwap)
	}
	if err := json.Unmarshal([]byte(text), &o.journal); err != nil {
		return nil, fmt.Errorf("%w: read that on volume %s: %w", ErrJournal, pv.Name, err)
	}
	if o.Version < 1 || o.Version > journalVersion {
		return nil, fmt.Errorf("%w: that on volume %s is of version %d, and this program knows %d", ErrJournal, pv.Name,
			o.Version, journalVersion)
	}
	switch o.Step {
	case preparing, replacing, replaced, undoing, discarding:
	default:
		return nil, fmt.Errorf("%w: that on volume %s is at the step %.50q", ErrJournal, pv.Name, o.Step)
	}
	switch o.Policy {
	case corev1.PersistentVolumeReclaimDelete, corev1.PersistentVolumeReclaimRetain, corev1.PersistentVolumeReclaimRecycle:
	default:
		return nil, fmt.Errorf("%w: that on volume %s has the policy %.50q", ErrJournal, pv.Name, o.Policy)
	}
	if i := o.Import; i != nil && (!strings.HasPrefix(i.Snapshot, importPrefix) || !adopt.Named(i.Content)) {
		return nil, fmt.Errorf("%w: that on volume %s names an import that is none", ErrJournal, pv.Name)
	}
	if o.Namespace == "" || o.Claim == "" || o.Was.UID == "" || o.Was.Name != o.Claim || o.Was.Namespace != o.Namespace {
		return nil, fmt.Errorf("%w: that on volume %s does not say which claim it is of", ErrJournal, pv.Name)
	}
	return o, nil
}

// open gives the one swap that has not ended, nil if there is none.
func open(all []*old) (*old, error) {
	var found *old
	for _, o := range all {
		if o.Step == replaced || o.Step == discarding {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("%w: volumes %s and %s both say that they are being replaced",
				ErrJournal, found.pv.Name, o.pv.Name)
		}
		found = o
	}
	return found, nil
}

// write notes the journal on the volume and keeps the volume whatever becomes of its claim, in one request.
func (o *old) write(ctx context.Context, in dynamic.Interface) error {
	return o.writeWith(ctx, in, corev1.PersistentVolumeReclaimRetain)
}

func (o *old) writeWith(ctx context.Context, in dynamic.Interface, policy corev1.PersistentVolumeReclaimPolicy) error {
	text, err := json.Marshal(o.journal)
	if err != nil {
		return err
	}
	o.tried = string(text)
	label := map[string]any{labelSwap: swapLabel(o.Namespace, o.Claim)}
	return o.patch(ctx, in, label, map[string]any{annotationSwap: string(text)},
		map[string]any{"persistentVolumeReclaimPolicy": policy})
}

// withdraw takes away a journal that may have been written though the answer was lost. One of somebody else stays.
func (o *old) withdraw(ctx context.Context, in dynamic.Interface) error {
	pv, err := api.Get[corev1.PersistentVolume](ctx, in, api.Volumes, "", o.pv.Name)
	if err != nil || pv.Annotations[annotationSwap] != o.tried {
		return err
	}
	o.pv = pv
	return o.erase(ctx, in, o.Policy)
}

// erase takes the journal away and gives the volume a policy.
func (o *old) erase(ctx context.Context, in dynamic.Interface, policy corev1.PersistentVolumeReclaimPolicy) error {
	return o.patch(ctx, in, map[string]any{labelSwap: nil}, map[string]any{annotationSwap: nil},
		map[string]any{"persistentVolumeReclaimPolicy": policy})
}

// patch changes the volume. Controllers write its status meanwhile, which is no conflict; a journal of somebody else is.
func (o *old) patch(ctx context.Context, in dynamic.Interface, labels, annotations, spec map[string]any) error {
	for {
		meta := map[string]any{"resourceVersion": o.pv.ResourceVersion}
		if labels != nil { // null would take all away
			meta["labels"], meta["annotations"] = labels, annotations
		}
		text, err := json.Marshal(map[string]any{"metadata": meta, "spec": spec})
		if err != nil {
			return err
		}
		u, err := in.Resource(api.Volumes).Patch(ctx, o.pv.Name, types.MergePatchType, text, metav1.PatchOptions{})
		if err == nil {
			o.pv, err = api.From[corev1.PersistentVolume](u)
			return err
		}
		if !apierrors.IsConflict(err) {
			return fmt.Errorf("note the state on volume %s: %w", o.pv.Name, err)
		}
		if err := o.read(ctx, in); err != nil {
			return err
		}
	}
}

// read reads the volume again, whose status others write. A journal of somebody else is an error.
func (o *old) read(ctx context.Context, in dynamic.Interface) error {
	pv, err := api.Get[corev1.PersistentVolume](ctx, in, api.Volumes, "", o.pv.Name)
	if err != nil {
		return err
	}
	if now := pv.Annotations[annotationSwap]; now != o.pv.Annotations[annotationSwap] && now != o.tried {
		return fmt.Errorf("%w: that on volume %s: %w", ErrJournal, o.pv.Name, errOvertaken)
	}
	o.pv = pv
	return nil
}
