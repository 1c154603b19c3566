package adopt

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// ErrNotBound is the error of a snapshot that has no content yet, or one that is not its own.
var ErrNotBound = errors.New("the snapshot and its content do not belong together")

// Read gives a snapshot with its content. Each names the other, the content by uid too, or it is ErrNotBound: anybody with
// rights in a namespace may make a snapshot that names a content of somebody else.
func Read(ctx context.Context, in dynamic.Interface, namespace, name string) (*api.Snapshot, *api.Content, error) {
	snapshot, err := api.Get[api.Snapshot](ctx, in, api.Snapshots, namespace, name)
	if err != nil {
		return nil, nil, err
	}
	if snapshot.Status == nil || snapshot.Status.Content == nil {
		return nil, nil, fmt.Errorf("%w: snapshot %s/%s has no content yet", ErrNotBound, namespace, name)
	}
	content, err := api.Get[api.Content](ctx, in, api.Contents, "", *snapshot.Status.Content)
	if err != nil {
		return nil, nil, err
	}
	ref := content.Spec.Snapshot
	if ref.Namespace != namespace || ref.Name != name || ref.UID != string(snapshot.UID) {
		return nil, nil, fmt.Errorf("%w: content %s is for snapshot %s/%s with uid %s, not for %s/%s with uid %s",
			ErrNotBound, content.Name, ref.Namespace, ref.Name, ref.UID, namespace, name, snapshot.UID)
	}
	return snapshot, content, nil
}
