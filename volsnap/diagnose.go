package volsnap

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// Diagnose tells why a snapshot is not ready, from what its objects look like. Controllers give no code with their errors, and
// of a missing sidecar or a class of another driver nothing says anything, ever. A state may be one of passage: a snapshot
// of a moment ago has no controller yet.
//
// It reads the snapshot, its content, and where those don't say enough, the claim, its PersistentVolume and the classes. What
// may not be read makes the diagnosis coarser.
func (c *Cluster) Diagnose(ctx context.Context, namespace, name string) (*Diagnosis, error) {
	s, err := api.Get[api.Snapshot](ctx, c.dynamic, api.Snapshots, namespace, name)
	if err != nil {
		return nil, fmt.Errorf("diagnose snapshot: %w", err)
	}
	d, err := c.diagnose(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("diagnose snapshot %s/%s: %w", namespace, name, err)
	}
	return d, nil
}

func (c *Cluster) diagnose(ctx context.Context, s *api.Snapshot) (*Diagnosis, error) {
	content, err := c.contentOf(ctx, s)
	if apierrors.IsForbidden(err) {
		return c.blind(ctx, s)
	}
	if err != nil {
		return nil, err
	}
	if s.Spec.Source.Content != nil {
		return imported(s, content), nil
	}
	if content == nil {
		return c.withoutContent(ctx, s)
	}
	if !refersTo(content, s) {
		return elsewhere(content), nil
	}
	return c.withContent(ctx, s, content)
}

// contentOf reads the content of a snapshot, nil if there is none. That of a claim has its name before the snapshot tells.
func (c *Cluster) contentOf(ctx context.Context, s *api.Snapshot) (*api.Content, error) {
	name := contentName(s)
	if s.Spec.Source.Content != nil {
		name = *s.Spec.Source.Content
	} else if s.Status != nil && s.Status.Content != nil {
		name = *s.Status.Content
	}
	content, err := api.Get[api.Content](ctx, c.dynamic, api.Contents, "", name)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return content, err
}

// contentName is what snapshot-controller names the content of a snapshot of a claim (external-snapshotter, pkg/utils,
// GetDynamicSnapshotContentNameForSnapshot).
func contentName(s *api.Snapshot) string { return "snapcontent-" + string(s.UID) }

// blind diagnoses without the right to read contents.
func (c *Cluster) blind(ctx context.Context, s *api.Snapshot) (*Diagnosis, error) {
	const next = "ask with the right to get volumesnapshotcontents, which say more"
	switch {
	case s.Status != nil && value(s.Status.ReadyToUse):
		return &Diagnosis{Cause: CauseReady, Detail: "it may be restored from", Heals: true}, nil
	case s.Status != nil && s.Status.Content != nil && s.Status.Error != nil:
		return &Diagnosis{CauseDriverError, said(s.Status.Error), next, true}, nil
	case s.Status != nil && s.Status.Content != nil:
		return &Diagnosis{CauseDriverWorking,
			"it has a content, and no driver has cut it yet, or none has looked at it", next, true}, nil
	}
	return c.withoutContent(ctx, s)
}

// imported diagnoses a snapshot of a handle.
func imported(s *api.Snapshot, c *api.Content) *Diagnosis {
	name := *s.Spec.Source.Content
	switch {
	case c == nil:
		return &Diagnosis{CauseContentMissing, "content " + name + " is not there", "make it, or delete the snapshot", false}
	case c.Spec.Snapshot.Namespace != s.Namespace || c.Spec.Snapshot.Name != s.Name,
		c.Spec.Snapshot.UID != "" && c.Spec.Snapshot.UID != string(s.UID):
		return elsewhere(c)
	case c.Spec.Source.Snapshot == nil:
		return &Diagnosis{CauseBoundElsewhere, "content " + name + " was made for a volume, not for a handle",
			"import the handle with a content of its own", false}
	}
	text := said(contentError(c))
	if text == "" && s.Status != nil {
		text = said(s.Status.Error)
	}
	v := view(s, c)
	switch {
	case strings.Contains(text, "can not find snapshot"): // pkg/snapshotter of external-snapshotter
		return &Diagnosis{CauseHandleMissing, text, "the storage has deleted it, or it is of another one: delete the import", false}
	case text != "":
		return &Diagnosis{CauseDriverError, text, "look at the driver; it is asked again", true}
	case v.Ready && v.Unverified && importTime(c):
		return &Diagnosis{CauseUnverified, "the driver does not list its snapshots, so any handle is ready",
			"only a restore proves that it is there", true}
	case v.Ready:
		return &Diagnosis{Cause: CauseReady, Detail: "it may be restored from", Heals: true}
	case s.Status == nil && len(s.Finalizers) == 0:
		return noController()
	case c.Status == nil:
		return noSidecar(c)
	}
	return &Diagnosis{CauseControllerWorking, "the driver has answered, and the snapshot is not bound to its content yet",
		"wait", true}
}

// importTime reports whether the cut of an import is when it was imported: what the sidecar writes for a driver that does not
// list its snapshots.
func importTime(c *api.Content) bool {
	return contentCut(c) && !time.Unix(0, *c.Status.CreationTime).Before(c.CreationTimestamp.Time)
}

func elsewhere(c *api.Content) *Diagnosis {
	ref := c.Spec.Snapshot
	return &Diagnosis{CauseBoundElsewhere,
		fmt.Sprintf("content %s belongs to snapshot %s/%s with uid %q", c.Name, ref.Namespace, ref.Name, ref.UID),
		"import the handle with a content of its own", false}
}

func contentError(c *api.Content) *api.Error {
	if c.Status == nil {
		return nil
	}
	return c.Status.Error
}

// conflict reports whether a csi-snapshotter complains only of a write of its own that came too late. It tries again at once,
// and the text stays until the driver is ready (8.7).
func conflict(text string) bool {
	return strings.Contains(text, "on API server: Operation cannot be fulfilled") && strings.Contains(text, "has been modified")
}

func noController() *Diagnosis {
	return &Diagnosis{CauseNoController, "no snapshot-controller has looked at it", "see whether one runs", true}
}

func noSidecar(c *api.Content) *Diagnosis {
	return &Diagnosis{CauseNoSidecar, "nobody has looked at content " + c.Name + " for driver " + c.Spec.Driver,
		"see whether the driver's pods run with a csi-snapshotter", true}
}

// withContent diagnoses a snapshot of a claim whose content is there. A class of another driver comes before what that driver
// says: if it runs here, it complains of a volume that it has never heard of.
func (c *Cluster) withContent(ctx context.Context, s *api.Snapshot, content *api.Content) (*Diagnosis, error) {
	switch {
	case view(s, content).Ready:
		return &Diagnosis{Cause: CauseReady, Detail: "it may be restored from", Heals: true}, nil
	case content.Status != nil && value(content.Status.ReadyToUse):
		return &Diagnosis{CauseControllerWorking, "the content is ready, and the snapshot does not say so yet",
			"see whether the snapshot-controller runs", true}, nil
	}
	if !contentCut(content) {
		if d, err := c.driverWrong(ctx, s, content); d != nil || err != nil {
			return d, err
		}
		if d, err := c.classGone(ctx, content); d != nil || err != nil {
			return d, err
		}
	}
	switch {
	case contentError(content) != nil && !conflict(said(contentError(content))):
		return &Diagnosis{CauseDriverError, said(contentError(content)), "look at the driver; it is asked again", true}, nil
	case contentCut(content):
		return &Diagnosis{CauseDriverWorking,
			"the data are frozen, and the driver is still at work, as with an upload", "wait", true}, nil
	case content.Annotations[api.AnnotationBeingCreated] != "":
		return &Diagnosis{CauseDriverWorking, "the driver was asked for a snapshot and has not answered", "wait", true}, nil
	}
	return noSidecar(content), nil
}

// classGone finds that a sidecar can't ask its driver, because the class was deleted after the content was made; nil if it
// complains of nothing, or of something else.
func (c *Cluster) classGone(ctx context.Context, content *api.Content) (*Diagnosis, error) {
	if contentError(content) == nil || value(content.Spec.ClassName) == "" {
		return nil, nil
	}
	return c.classMissing(ctx, *content.Spec.ClassName)
}

// classMissing finds that a class is not there, nil if it is or that can't be told.
func (c *Cluster) classMissing(ctx context.Context, name string) (*Diagnosis, error) {
	_, err := api.Get[api.Class](ctx, c.dynamic, api.Classes, "", name)
	switch {
	case apierrors.IsNotFound(err):
		return &Diagnosis{CauseClassMissing, "VolumeSnapshotClass " + name + " is not there",
			"create it, or delete the snapshot and name another one", false}, nil
	case apierrors.IsForbidden(err):
		return nil, nil
	}
	return nil, err
}

// driverWrong finds that a content is of another driver than the volume, nil if it isn't or that can't be told.
func (c *Cluster) driverWrong(ctx context.Context, s *api.Snapshot, content *api.Content) (*Diagnosis, error) {
	_, volume, err := c.claimOf(ctx, s)
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, err
	}
	if volume == nil || volume.Spec.CSI == nil || volume.Spec.CSI.Driver == content.Spec.Driver {
		return nil, nil
	}
	return &Diagnosis{CauseOtherDriver,
		fmt.Sprintf("class %s is of driver %s, and the volume of %s", value(s.Spec.ClassName),
			content.Spec.Driver, volume.Spec.CSI.Driver),
		"delete it, and take one with a class of the volume's driver", false}, nil
}

// withoutContent diagnoses a snapshot of a claim that the controller has made no content for.
func (c *Cluster) withoutContent(ctx context.Context, s *api.Snapshot) (*Diagnosis, error) {
	if s.Status == nil && len(s.Finalizers) == 0 {
		return noController(), nil
	}
	for _, look := range []func(context.Context, *api.Snapshot) (*Diagnosis, error){c.sourceWrong, c.classWrong} {
		if d, err := look(ctx, s); d != nil || err != nil {
			return d, err
		}
	}
	if s.Status != nil && s.Status.Error != nil {
		return &Diagnosis{CauseControllerError, said(s.Status.Error), "look at the snapshot-controller; it tries again", true}, nil
	}
	return &Diagnosis{CauseControllerWorking,
		"the snapshot-controller has looked at it and made no content yet", "wait", true}, nil
}

// sourceWrong finds what is wrong with the claim, nil if nothing is.
func (c *Cluster) sourceWrong(ctx context.Context, s *api.Snapshot) (*Diagnosis, error) {
	claim, volume, err := c.claimOf(ctx, s)
	name := value(s.Spec.Source.Claim)
	switch {
	case apierrors.IsNotFound(err):
		return &Diagnosis{CauseClaimMissing, "claim " + name + " is not there", "delete the snapshot", false}, nil
	case err != nil || claim == nil:
		return nil, err
	case claim.Spec.VolumeName == "" || claim.Status.Phase != corev1.ClaimBound:
		return &Diagnosis{CauseClaimUnbound, "claim " + name + " is not bound",
			"it is tried again when it is; see its events", true}, nil
	case volume != nil && volume.Spec.CSI == nil:
		return &Diagnosis{CauseNotCSI, fmt.Sprintf("PersistentVolume %s of claim %s is of no CSI driver", volume.Name, name),
			"delete the snapshot: the controllers take none of such a volume", false}, nil
	}
	return nil, nil
}

// claimOf reads the claim of a snapshot and its volume, which are nil if they may not be read; the volume as well if it is not
// there. A claim that is not there is an error.
func (c *Cluster) claimOf(ctx context.Context, s *api.Snapshot) (
	*corev1.PersistentVolumeClaim, *corev1.PersistentVolume, error,
) {
	claim, err := api.Get[corev1.PersistentVolumeClaim](ctx, c.dynamic, api.Claims, s.Namespace, value(s.Spec.Source.Claim))
	if apierrors.IsForbidden(err) {
		return nil, nil, nil
	}
	if err != nil || claim.Spec.VolumeName == "" {
		return claim, nil, err
	}
	volume, err := api.Get[corev1.PersistentVolume](ctx, c.dynamic, api.Volumes, "", claim.Spec.VolumeName)
	if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
		return claim, nil, nil
	}
	return claim, volume, err
}

// classWrong finds what is wrong with the class, nil if nothing is.
func (c *Cluster) classWrong(ctx context.Context, s *api.Snapshot) (*Diagnosis, error) {
	if name := value(s.Spec.ClassName); name != "" {
		return c.classMissing(ctx, name)
	}
	_, volume, err := c.claimOf(ctx, s)
	if err != nil || volume == nil || volume.Spec.CSI == nil {
		return nil, err
	}
	var defaults []string
	for class, err := range api.List[api.Class](ctx, c.dynamic, api.Classes, "", "") {
		if apierrors.IsForbidden(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if class.Driver == volume.Spec.CSI.Driver && class.Annotations[api.AnnotationDefaultClass] == "true" {
			defaults = append(defaults, class.Name)
		}
	}
	return notOneDefault("snapshot", volume.Spec.CSI.Driver, defaults), nil
}

// notOneDefault is what is wrong with the defaults of a driver for something that names no class, nil if there is one.
func notOneDefault(kind, driver string, defaults []string) *Diagnosis {
	switch len(defaults) {
	case 0:
		return &Diagnosis{CauseNoDefault, "the " + kind + " names no class, and driver " + driver + " has no default one",
			"delete it, and name a class", false}
	case 1:
		return nil
	}
	return &Diagnosis{CauseSeveralDefaults, "the " + kind + " names no class, and these are defaults: " + some(defaults),
		"leave one of them the default", false}
}
