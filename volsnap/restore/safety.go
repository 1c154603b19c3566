package restore

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// safety takes a snapshot of the claim and checks that it is one of the volume that will be replaced, and can be restored from.
func (w *swap) safety(ctx context.Context) (string, error) {
	take := w.opts.Safety
	if take == nil {
		take = w.take
	}
	s, err := take(ctx)
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: %w", ErrSafety, err)
	case s == nil || s.Namespace != w.namespace:
		return "", fmt.Errorf("%w: there is none in namespace %s", ErrSafety, w.namespace)
	}
	src, err := readSource(ctx, w.in, s.Namespace, s.Name)
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: %w", ErrSafety, err)
	case value(src.snapshot.Spec.Source.Claim) != w.name:
		return "", fmt.Errorf("%w: %s is not of the claim", ErrSafety, s.Name)
	case w.pv.Spec.CSI != nil && value(src.content.Spec.Source.Volume) != w.pv.Spec.CSI.VolumeHandle:
		return "", fmt.Errorf("%w: %s is not of volume %s", ErrSafety, s.Name, w.pv.Name)
	}
	return s.Name, nil
}

// take is the safety snapshot of callers that hand in none. Its run is a new one: a snapshot of a call before, that was killed
// before anything was changed, may be of older data.
func (w *swap) take(ctx context.Context) (*volsnap.Snapshot, error) {
	chosen := volsnap.Selection{Claims: []string{w.namespace + "/" + w.name}}
	plan, err := w.cluster.Plan(ctx, chosen, volsnap.PlanOptions{})
	if err != nil {
		return nil, err
	}
	var unique [5]byte
	rand.Read(unique[:]) // never fails
	account, err := w.cluster.Take(ctx, plan, volsnap.TakeOptions{Run: "swap-" + hex.EncodeToString(unique[:]), Ready: true})
	if err != nil {
		return nil, err
	}
	for _, r := range account.Volumes {
		switch {
		case r.Claim != w.name || r.Namespace != w.namespace:
		case r.Outcome == volsnap.Snapshotted:
			return r.Snapshot, w.mark(ctx, r.Snapshot)
		case r.Reason != "":
			return nil, errors.New(r.Detail)
		default:
			return nil, errors.New(r.Error)
		}
	}
	return nil, errors.New("the claim is not in the account")
}

// mark puts a label on a safety snapshot and its content that keeps them out of the retention of backups: as the newest of the
// claim it would displace one.
func (w *swap) mark(ctx context.Context, s *volsnap.Snapshot) error {
	patch := []byte(`{"metadata":{"labels":{"` + api.LabelPurpose + `":"` + api.PurposeSafety + `"}}}`)
	_, err := w.in.Resource(api.Snapshots).Namespace(s.Namespace).
		Patch(ctx, s.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	if err == nil {
		_, err = w.in.Resource(api.Contents).Patch(ctx, s.Content, types.MergePatchType, patch, metav1.PatchOptions{})
	}
	if err != nil {
		return fmt.Errorf("label safety snapshot %s: %w", s.Name, err)
	}
	return nil
}
