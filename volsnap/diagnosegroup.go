package volsnap

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// DiagnoseGroup tells why a VolumeGroupSnapshot is not ready, as [Cluster.Diagnose] does for a snapshot, and by the same causes.
// A driver that takes no groups is asked all the same by a csi-snapshotter that does (8.7): that is a [CauseDriverError] that does
// not heal. An older one, or one without the feature, leaves the content alone, as if there were none: [CauseNoSidecar].
//
// It reads the group, its content, and where those don't say enough, the claims that it selects, their PersistentVolumes and
// the classes. What may not be read makes the diagnosis coarser.
func (c *Cluster) DiagnoseGroup(ctx context.Context, namespace, name string) (*Diagnosis, error) {
	version, err := api.GroupVersion(ctx, c.plain)
	if err != nil {
		return nil, fmt.Errorf("diagnose group snapshot: %w", err)
	}
	if version == "" {
		return nil, errors.New("diagnose group snapshot: the cluster serves none: install the CRDs of groups")
	}
	g, err := api.Get[api.GroupSnapshot](ctx, c.dynamic, api.InGroups(version, api.GroupSnapshots), namespace, name)
	if err != nil {
		return nil, fmt.Errorf("diagnose group snapshot: %w", err)
	}
	d, err := c.diagnoseGroup(ctx, version, g)
	if err != nil {
		return nil, fmt.Errorf("diagnose group snapshot %s/%s: %w", namespace, name, err)
	}
	return d, nil
}

// diagnoseGroup diagnoses a group by the version of its API.
func (c *Cluster) diagnoseGroup(ctx context.Context, version string, g *api.GroupSnapshot) (*Diagnosis, error) {
	name := groupContentName(g.UID)
	if g.Spec.Source.Content != nil {
		name = *g.Spec.Source.Content
	}
	content, err := api.Get[api.GroupContent](ctx, c.dynamic, api.InGroups(version, api.GroupContents), "", name)
	switch {
	case apierrors.IsForbidden(err):
		return c.blindGroup(ctx, version, g)
	case apierrors.IsNotFound(err) && g.Spec.Source.Content != nil:
		return &Diagnosis{CauseContentMissing, "content " + name + " is not there", "make it, or delete the group", false}, nil
	case apierrors.IsNotFound(err):
		return c.groupWithoutContent(ctx, version, g)
	case err != nil:
		return nil, err
	}
	return groupWithContent(g, content), nil
}

// blindGroup diagnoses without the right to read contents.
func (c *Cluster) blindGroup(ctx context.Context, version string, g *api.GroupSnapshot) (*Diagnosis, error) {
	const next = "ask with the right to get volumegroupsnapshotcontents, which say more"
	text := groupError(g, nil)
	switch {
	case g.Status == nil || g.Status.Content == nil:
		return c.groupWithoutContent(ctx, version, g)
	case value(g.Status.ReadyToUse):
		return readyGroup(), nil
	case text != "":
		return groupComplaint(text, next), nil
	}
	return &Diagnosis{CauseDriverWorking, "it has a content, and no driver has cut it yet, or none has looked at it", next, true}, nil
}

func readyGroup() *Diagnosis {
	return &Diagnosis{Cause: CauseReady, Detail: "its members may be restored from, as soon as each says so", Heals: true}
}

// groupComplaint is what the driver says of a group. Two codes of gRPC say that it will always say so: it takes no groups, or
// not of such volumes.
func groupComplaint(text, next string) *Diagnosis {
	if strings.Contains(text, "code = Unimplemented") || strings.Contains(text, "code = InvalidArgument") {
		return &Diagnosis{CauseDriverError, text, "delete the group, and take its claims one by one", false}
	}
	return &Diagnosis{CauseDriverError, text, next, true}
}

// groupWithContent diagnoses by the content.
func groupWithContent(g *api.GroupSnapshot, content *api.GroupContent) *Diagnosis {
	const next = "look at the driver; it is asked again"
	ref := content.Spec.Group
	cut := content.Status != nil && value(content.Status.Handle) != ""
	text := groupError(nil, content)
	switch {
	case ref.Namespace != g.Namespace || ref.Name != g.Name || ref.UID != "" && ref.UID != string(g.UID):
		return &Diagnosis{CauseBoundElsewhere,
			fmt.Sprintf("content %s belongs to group %s/%s with uid %q", content.Name, ref.Namespace, ref.Name, ref.UID),
			"delete the group", false}
	case cut && g.Status != nil && value(g.Status.ReadyToUse):
		return readyGroup()
	case text != "" && !conflict(text):
		return groupComplaint(text, next)
	case cut && content.Status != nil && value(content.Status.ReadyToUse):
		return &Diagnosis{CauseControllerWorking, "the content is ready, and the group does not say so yet",
			"see whether the snapshot-controller runs: " + orNothing(groupError(g, nil)), true}
	case cut:
		return &Diagnosis{CauseDriverWorking, "the data are frozen, and the driver is still at work, as with an upload", "wait", true}
	case content.Annotations[api.AnnotationGroupBeingCreated] != "":
		return &Diagnosis{CauseDriverWorking, "the driver was asked for a group and has not answered", "wait", true}
	}
	return &Diagnosis{CauseNoSidecar, "nobody has looked at content " + content.Name + " for driver " + content.Spec.Driver,
		"see whether the driver takes groups, and its pods run with a csi-snapshotter that does", true}
}

func orNothing(text string) string {
	if text == "" {
		return "it complains of nothing"
	}
	return "it says " + text
}

// groupWithoutContent diagnoses a group that the controller has made no content for.
func (c *Cluster) groupWithoutContent(ctx context.Context, version string, g *api.GroupSnapshot) (*Diagnosis, error) {
	if g.Status == nil && len(g.Finalizers) == 0 {
		return &Diagnosis{CauseNoController, "no snapshot-controller has looked at it",
			"see whether one runs, and has its feature CSIVolumeGroupSnapshot", true}, nil
	}
	volumes, d, err := c.groupVolumes(ctx, g)
	if d != nil || err != nil {
		return d, err
	}
	if d, err := c.groupClassWrong(ctx, version, g, volumes); d != nil || err != nil {
		return d, err
	}
	if text := groupError(g, nil); text != "" {
		return &Diagnosis{CauseControllerError, text, "look at the snapshot-controller; it tries again", true}, nil
	}
	return &Diagnosis{CauseControllerWorking,
		"the snapshot-controller has looked at it and made no content yet", "wait", true}, nil
}

// groupVolumes reads the volumes of the claims that a group selects, or finds what is wrong with those.
func (c *Cluster) groupVolumes(ctx context.Context, g *api.GroupSnapshot) ([]*corev1.PersistentVolume, *Diagnosis, error) {
	var volumes []*corev1.PersistentVolume
	selector := metav1.FormatLabelSelector(g.Spec.Source.Selector)
	selected := 0
	for claim, err := range api.List[corev1.PersistentVolumeClaim](ctx, c.dynamic, api.Claims, g.Namespace, selector) {
		if apierrors.IsForbidden(err) {
			return nil, nil, nil
		}
		if err != nil {
			return nil, nil, err
		}
		selected++
		if claim.Spec.VolumeName == "" || claim.Status.Phase != corev1.ClaimBound {
			return nil, &Diagnosis{CauseClaimUnbound, "claim " + claim.Name + " is not bound",
				"it is tried again when it is; see its events", true}, nil
		}
		volume, err := api.Get[corev1.PersistentVolume](ctx, c.dynamic, api.Volumes, "", claim.Spec.VolumeName)
		switch {
		case apierrors.IsForbidden(err) || apierrors.IsNotFound(err):
			continue
		case err != nil:
			return nil, nil, err
		case volume.Spec.CSI == nil:
			return nil, &Diagnosis{CauseNotCSI,
				fmt.Sprintf("PersistentVolume %s of claim %s is of no CSI driver", volume.Name, claim.Name),
				"delete the group: the controllers take none with such a volume", false}, nil
		}
		volumes = append(volumes, volume)
	}
	if selected == 0 {
		return nil, &Diagnosis{CauseClaimMissing, "no claim has the labels that it selects, " + selector,
			"delete the group, or label its claims", false}, nil
	}
	return volumes, nil, nil
}

// groupClassWrong finds what is wrong with the class, nil if nothing is.
func (c *Cluster) groupClassWrong(
	ctx context.Context, version string, g *api.GroupSnapshot, volumes []*corev1.PersistentVolume,
) (*Diagnosis, error) {
	at := api.InGroups(version, api.GroupClasses)
	if name := value(g.Spec.ClassName); name != "" {
		class, err := api.Get[api.GroupClass](ctx, c.dynamic, at, "", name)
		switch {
		case apierrors.IsForbidden(err):
			return nil, nil
		case apierrors.IsNotFound(err):
			return &Diagnosis{CauseClassMissing, "VolumeGroupSnapshotClass " + name + " is not there",
				"create it, or delete the group and name another one", false}, nil
		case err != nil:
			return nil, err
		}
		for _, volume := range volumes {
			if driver := volume.Spec.CSI.Driver; driver != class.Driver {
				return &Diagnosis{CauseOtherDriver,
					fmt.Sprintf("class %s is of driver %s, and PersistentVolume %s of %s", name, class.Driver, volume.Name, driver),
					"delete it, and take each driver's volumes as a group of their own", false}, nil
			}
		}
		return nil, nil
	}
	if len(volumes) == 0 {
		return nil, nil
	}
	driver := volumes[0].Spec.CSI.Driver // that of the first one, for the controller as well
	var defaults []string
	for class, err := range api.List[api.GroupClass](ctx, c.dynamic, at, "", "") {
		if apierrors.IsForbidden(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if class.Driver == driver && class.Annotations[api.AnnotationDefaultGroupClass] == "true" {
			defaults = append(defaults, class.Name)
		}
	}
	return notOneDefault("group", driver, defaults), nil
}
