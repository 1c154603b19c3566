package volsnap

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// PlanOptions say how classes are chosen and what is tried. The zero value is safe.
type PlanOptions struct {
	// Class names the VolumeSnapshotClass for a driver. A driver that no volume of the plan and no class of the cluster has is
	// an error: a name with a slip would leave the choice to others.
	Class map[string]string
	// Velero heeds what marks classes for Velero: the annotation velero.io/csi-volumesnapshot-class of a claim, and the label
	// of that name on a class.
	Velero bool
	// Migrated gives the driver and its name of the volume for an in-tree PersistentVolume that a CSI driver serves, as
	// TranslateInTreePVToCSI of k8s.io/csi-translation-lib does. Controllers refuse snapshots of those; with this, they are
	// taken by a content that is made for them, which rests on how snapshot-controller names contents. Nil: they are refused.
	Migrated func(*corev1.PersistentVolume) (driver, handle string, err error)
	// Exec asks for the rights to run commands in the pods that mount what will be taken, as well: what package quiesce needs.
	Exec bool
}

// Plan is what a run would take, and why the rest can't be.
type Plan struct {
	Cluster string   `json:"cluster,omitempty"` // uid of the namespace kube-system
	Volumes []Volume `json:"volumes"`           // by namespace; claims come before volumes without one
	Groups  string   `json:"groups,omitempty"`  // version of group snapshots that is served, "" if none
	Missing []Lack   `json:"missing,omitempty"` // what a run will have to do without
}

// Plan finds out what can be snapshotted, and makes nothing. Each claim of the selection is in the plan, and each volume of a
// pod that has no claim: what can't be snapshotted has a Reason. Volumes of configMap, secret, downwardAPI, projected and image
// have no data of their own and are left out, and so is what pods mount that have ended.
//
// The driver is that of the PersistentVolume. The class is, in this order: PlanOptions.Class; that of the claim's annotation
// clustersnap.github.io/snapshot-class; with Velero, what is marked for Velero; the default class of the driver; its only
// class. More than one is refused, and so is a class of another driver.
//
// The error is for what ends all of it: a selection that is none, a cluster that does not answer, claims that can't be listed.
func (c *Cluster) Plan(ctx context.Context, s Selection, opts PlanOptions) (*Plan, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	p := &planner{cluster: c, opts: opts, plan: &Plan{Volumes: []Volume{}}}
	if err := p.look(ctx); err != nil {
		return nil, fmt.Errorf("plan snapshots: %w", err)
	}
	claims, err := c.claims(ctx, s)
	if err != nil {
		return nil, err
	}
	pods, lacks, err := c.pods(ctx, s)
	if err != nil {
		return nil, err
	}
	p.plan.Missing = append(p.plan.Missing, lacks...)
	if err := p.checkPlaces(ctx, s, claims, pods); err != nil {
		return nil, err
	}
	if err := p.readVolumes(ctx, claims); err != nil {
		return nil, fmt.Errorf("plan snapshots: %w", err)
	}
	mounts := mountsOf(pods)
	for _, claim := range claims {
		v := p.claim(claim)
		v.Pods = mounts[claim.Namespace+"/"+claim.Name]
		p.plan.Volumes = append(p.plan.Volumes, v)
	}
	p.plan.Volumes = append(p.plan.Volumes, withoutClaim(pods, claims, s)...)
	slices.SortStableFunc(p.plan.Volumes, func(a, b Volume) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.PodVolume, b.PodVolume), cmp.Compare(a.Claim, b.Claim))
	})
	if err := p.checkDrivers(); err != nil {
		return nil, fmt.Errorf("plan snapshots: %w", err)
	}
	if err := p.checkRights(ctx); err != nil {
		return nil, fmt.Errorf("plan snapshots: %w", err)
	}
	return p.plan, nil
}

// planner makes a plan.
type planner struct {
	cluster *Cluster
	opts    PlanOptions
	plan    *Plan
	served  bool         // the API of snapshots
	classes []*api.Class // by name
	// noClasses and noVolumes say that they may not be read.
	noClasses, noVolumes bool
	volumes              map[string]*corev1.PersistentVolume // by name
	waiting              map[string]bool                     // StorageClasses that make a volume when a pod comes
}

// look finds out what does not depend on the selection.
func (p *planner) look(ctx context.Context) (err error) {
	if p.plan.Cluster, err = p.cluster.id(ctx); apierrors.IsForbidden(err) {
		p.lack("", "get", "namespaces", "where snapshots come from is not written down")
	} else if err != nil {
		return err
	}
	if p.served, err = api.ServesSnapshots(ctx, p.cluster.plain); err != nil {
		return err
	}
	if !p.served {
		p.lack("", "", api.Snapshots.GroupResource().String(), "no snapshot can be taken: install the CRDs of external-snapshotter")
		return nil
	}
	if p.plan.Groups, err = api.GroupVersion(ctx, p.cluster.plain); err != nil {
		return err
	}
	for class, err := range api.List[api.Class](ctx, p.cluster.dynamic, api.Classes, "", "") {
		if apierrors.IsForbidden(err) {
			p.noClasses = true
			break
		}
		if err != nil {
			return err
		}
		p.classes = append(p.classes, class)
	}
	return p.lookAtStorage(ctx)
}

// lookAtStorage finds the StorageClasses that wait for a pod, for better sentences alone: without the right it is left out.
func (p *planner) lookAtStorage(ctx context.Context) error {
	p.waiting = map[string]bool{}
	for class, err := range api.List[storagev1.StorageClass](ctx, p.cluster.dynamic, api.StorageClasses, "", "") {
		if apierrors.IsForbidden(err) {
			return nil
		}
		if err != nil {
			return err
		}
		mode := class.VolumeBindingMode
		p.waiting[class.Name] = mode != nil && *mode == storagev1.VolumeBindingWaitForFirstConsumer
	}
	return nil
}

// id is the uid of the namespace kube-system, which is there as long as the cluster is.
func (c *Cluster) id(ctx context.Context) (string, error) {
	namespace, err := api.Get[corev1.Namespace](ctx, c.dynamic, api.Namespaces, "", "kube-system")
	if err != nil {
		return "", err
	}
	return string(namespace.UID), nil
}

// checkPlaces asks for the selected namespaces that nothing was found in: a name with a slip would be an empty backup.
func (p *planner) checkPlaces(
	ctx context.Context, s Selection, claims []*corev1.PersistentVolumeClaim, pods []*corev1.Pod,
) error {
	found := map[string]bool{}
	for _, claim := range claims {
		found[claim.Namespace] = true
	}
	for _, pod := range pods {
		found[pod.Namespace] = true
	}
	for _, name := range s.Namespaces {
		if found[name] {
			continue
		}
		_, err := api.Get[corev1.Namespace](ctx, p.cluster.dynamic, api.Namespaces, "", name)
		if apierrors.IsForbidden(err) {
			p.lack(name, "get", "namespaces", "nothing is selected in it, and whether it is there is not known")
			continue
		}
		if err != nil {
			return fmt.Errorf("select volumes: %w", err)
		}
	}
	return nil
}
