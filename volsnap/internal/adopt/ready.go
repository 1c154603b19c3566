package adopt

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// ErrHandleMissing is the error of a handle that the driver does not have.
var ErrHandleMissing = errors.New("the storage does not have the snapshot")

// notFound is what the sidecar says of a handle that the driver does not list (external-snapshotter, pkg/snapshotter).
const notFound = "can not find snapshot"

// maxSaid bounds what controllers have said in an error of ours.
const maxSaid = 500

// Ready waits until an import can be restored from. What the controllers complain of is tried again by them, so it ends the
// wait only with ctx, but for ErrHandleMissing.
func Ready(ctx context.Context, in dynamic.Interface, p *Pair) error {
	said := "nobody has looked at it: is there a snapshot-controller, and a csi-snapshotter of the driver?"
	err := api.Until(ctx, in, api.Snapshots, p.Namespace, p.Name, func(s *api.Snapshot) (bool, error) {
		switch {
		case s == nil || s.UID != p.UID:
			return false, errors.New("somebody has deleted it")
		case s.Status == nil:
			return false, nil
		case s.Status.Error != nil && s.Status.Error.Message != nil:
			said = Bounded(*s.Status.Error.Message)
			if strings.Contains(said, notFound) {
				return false, fmt.Errorf("%w: %s", ErrHandleMissing, said)
			}
		}
		return s.Status.ReadyToUse != nil && *s.Status.ReadyToUse && s.Status.Content != nil, nil
	})
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w; last said: %s", err, said)
	}
	return err
}

// Bounded is a text of others as one line that is not too long.
func Bounded(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	if len(text) > maxSaid {
		text = strings.ToValidUTF8(text[:maxSaid], "") + "..."
	}
	return text
}
