// Package adopt takes a snapshot that the storage has, and that the cluster or the namespace does not know, by its handle.
package adopt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// ErrTaken is the error of a name that another snapshot has.
var ErrTaken = errors.New("another snapshot has the name")

// errCreate is the error of an object that may be there: the answer may have been lost.
var errCreate = errors.New("create")

// Handle is a snapshot of the storage, with what its importer knows of it.
type Handle struct {
	Driver, Handle string
	Class          string // VolumeSnapshotClass to use; empty: chosen
	TheirClass     string // the one it was taken through: used if it is here too, and of the driver
	Mode           string // Filesystem or Block; empty: not known
	Claim          string // name of the claim that it is of
	Cut            time.Time
	Labels         map[string]string // put on both objects beside the label of what is imported
}

// Pair is the two objects that stand for the handle.
type Pair struct {
	Namespace, Name, Content string
	UID                      types.UID // of the VolumeSnapshot
}

const contentPrefix = "clustersnap-import-"

// ContentName is the name of the content that Import makes. The same handle in the same place has the same one.
func ContentName(h Handle, namespace, name string) string {
	sum := sha256.Sum256([]byte(h.Driver + "\x00" + h.Handle + "\x00" + namespace + "\x00" + name))
	return contentPrefix + hex.EncodeToString(sum[:])[:32]
}

// Named reports whether a name is one that ContentName gives.
func Named(content string) bool { return strings.HasPrefix(content, contentPrefix) }

// Import makes a content for the handle and a snapshot, bound to each other. What it finds made already it leaves. The policy
// is Retain always: two contents of one handle with Delete would let one cluster destroy what another one keeps.
//
// After an error the pair, without its uid, is what may have been made of it; nil is nothing.
//
// A content whose snapshot was deleted can't be bound again (external-snapshotter issue 274), so it is made anew.
func Import(ctx context.Context, in dynamic.Interface, h Handle, namespace, name string) (*Pair, error) {
	class, err := chooseClass(ctx, in, h.Driver, h.Class, h.TheirClass)
	if err != nil {
		return nil, err
	}
	pair := &Pair{Namespace: namespace, Name: name, Content: ContentName(h, namespace, name)}
	there, err := snapshotThere(ctx, in, pair)
	if err != nil {
		return nil, err
	}
	if err := makeContent(ctx, in, h, pair, class, there); err != nil {
		return made(pair, err), err
	}
	if there == nil {
		there, err = makeSnapshot(ctx, in, h, pair, class)
	}
	if err != nil {
		return pair, err
	}
	pair.UID = there.UID
	return pair, nil
}

// made is the pair after an error, nil if that has kept all of it from being made.
func made(p *Pair, err error) *Pair {
	if errors.Is(err, errCreate) {
		return p
	}
	return nil
}

// snapshotThere gives the snapshot of the name if it is the one that is to be made, nil if there is none.
func snapshotThere(ctx context.Context, in dynamic.Interface, p *Pair) (*api.Snapshot, error) {
	there, err := api.Get[api.Snapshot](ctx, in, api.Snapshots, p.Namespace, p.Name)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	case there.Spec.Source.Content == nil || *there.Spec.Source.Content != p.Content:
		return nil, fmt.Errorf("%w %s/%s", ErrTaken, p.Namespace, p.Name)
	case there.DeletionTimestamp != nil:
		return nil, fmt.Errorf("snapshot %s/%s is being deleted: wait until it is gone", p.Namespace, p.Name)
	}
	return there, nil
}

// makeContent makes the content unless a good one is there.
func makeContent(ctx context.Context, in dynamic.Interface, h Handle, p *Pair, class *api.Class, bound *api.Snapshot) error {
	there, err := api.Get[api.Content](ctx, in, api.Contents, "", p.Content)
	switch {
	case apierrors.IsNotFound(err):
	case err != nil:
		return err
	case !ours(there, h, p):
		return fmt.Errorf("%w: content %s is not as this import makes it: look at it, and delete it or import by another name",
			ErrTaken, p.Content)
	case there.DeletionTimestamp == nil && there.Spec.Snapshot.UID == "",
		there.DeletionTimestamp == nil && bound != nil && string(bound.UID) == there.Spec.Snapshot.UID:
		return nil
	default:
		if err := removeContent(ctx, in, there); err != nil {
			return err
		}
	}
	content := &api.Content{ObjectMeta: meta(h)}
	content.Name = p.Content
	maps.Copy(content.Annotations, Secrets(class, p.Content, p.Namespace, p.Name))
	content.Spec.Driver, content.Spec.DeletionPolicy = h.Driver, api.Retain
	content.Spec.Source.Snapshot = &h.Handle
	content.Spec.Snapshot = api.Reference{
		APIVersion: api.SnapshotGroup + "/v1", Kind: "VolumeSnapshot", Namespace: p.Namespace, Name: p.Name,
	}
	if class != nil {
		content.Spec.ClassName = &class.Name
	}
	if h.Mode != "" {
		content.Spec.SourceVolumeMode = &h.Mode
	}
	_, err = create[api.Content](ctx, in, api.Contents, "", content, "VolumeSnapshotContent")
	return err
}

// ours reports whether a content is one that an import of the handle, as it is, to the same place has made.
func ours(c *api.Content, h Handle, p *Pair) bool {
	mode := ""
	if c.Spec.SourceVolumeMode != nil {
		mode = *c.Spec.SourceVolumeMode
	}
	for _, note := range []string{api.AnnotationClaim, api.AnnotationCut} {
		if c.Annotations[note] != meta(h).Annotations[note] {
			return false
		}
	}
	return c.Labels[api.LabelImported] == "true" && c.Spec.DeletionPolicy == api.Retain && c.Spec.Driver == h.Driver &&
		mode == h.Mode && c.Spec.Source.Snapshot != nil && *c.Spec.Source.Snapshot == h.Handle &&
		c.Spec.Snapshot.Namespace == p.Namespace && c.Spec.Snapshot.Name == p.Name
}

func makeSnapshot(ctx context.Context, in dynamic.Interface, h Handle, p *Pair, class *api.Class) (*api.Snapshot, error) {
	snapshot := &api.Snapshot{ObjectMeta: meta(h)}
	snapshot.Namespace, snapshot.Name = p.Namespace, p.Name
	snapshot.Spec.Source.Content = &p.Content
	if class != nil {
		snapshot.Spec.ClassName = &class.Name
	}
	return create[api.Snapshot](ctx, in, api.Snapshots, p.Namespace, snapshot, "VolumeSnapshot")
}

// meta has what both objects say of where they are from.
func meta(h Handle) metav1.ObjectMeta {
	m := metav1.ObjectMeta{Labels: map[string]string{}, Annotations: map[string]string{}}
	maps.Copy(m.Labels, h.Labels)
	m.Labels[api.LabelImported] = "true"
	if h.Claim != "" {
		m.Annotations[api.AnnotationClaim] = h.Claim
	}
	if !h.Cut.IsZero() {
		m.Annotations[api.AnnotationCut] = h.Cut.UTC().Format(time.RFC3339Nano)
	}
	return m
}

func create[T any](
	ctx context.Context, in dynamic.Interface, at schema.GroupVersionResource, namespace string, object *T, kind string,
) (*T, error) {
	u, err := api.To(object, at, kind)
	if err != nil {
		return nil, err
	}
	made, err := in.Resource(at).Namespace(namespace).Create(ctx, u, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("%w %s %s: %w", errCreate, kind, u.GetName(), err)
	}
	return api.From[T](made)
}
