package volsnap

import (
	"context"
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// fewVolumes are read one by one. More of them are listed, with all others of the cluster.
const fewVolumes = 50

// readVolumes reads the PersistentVolumes of claims. One that is not there is none of them.
func (p *planner) readVolumes(ctx context.Context, claims []*corev1.PersistentVolumeClaim) error {
	p.volumes = map[string]*corev1.PersistentVolume{}
	wanted := map[string]bool{}
	for _, claim := range claims {
		if claim.Spec.VolumeName != "" {
			wanted[claim.Spec.VolumeName] = true
		}
	}
	if len(wanted) > fewVolumes {
		for pv, err := range api.List[corev1.PersistentVolume](ctx, p.cluster.dynamic, api.Volumes, "", "") {
			if apierrors.IsForbidden(err) {
				break // one by one may be allowed
			}
			if err != nil {
				return err
			}
			if wanted[pv.Name] {
				p.volumes[pv.Name] = pv
				delete(wanted, pv.Name)
			}
		}
		if len(p.volumes) > 0 {
			return nil
		}
	}
	for name := range wanted {
		pv, err := api.Get[corev1.PersistentVolume](ctx, p.cluster.dynamic, api.Volumes, "", name)
		if apierrors.IsForbidden(err) {
			p.noVolumes = true
			return nil
		}
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return err
		}
		p.volumes[name] = pv
	}
	return nil
}

// ownLabels are the labels of a claim without what a call that was killed in a group has left there.
func ownLabels(claim *corev1.PersistentVolumeClaim) map[string]string {
	labels := maps.Clone(claim.Labels)
	maps.DeleteFunc(labels, func(key, _ string) bool { return strings.HasPrefix(key, api.LabelGroup) })
	return labels
}

// claim is the volume of a claim, with its class or the reason why no snapshot of it can be taken.
func (p *planner) claim(claim *corev1.PersistentVolumeClaim) Volume {
	v := Volume{
		Namespace: claim.Namespace, Claim: claim.Name, PV: claim.Spec.VolumeName, Labels: ownLabels(claim),
		Mode: string(corev1.PersistentVolumeFilesystem),
	}
	if claim.Spec.StorageClassName != nil {
		v.StorageClass = *claim.Spec.StorageClassName
	}
	if claim.Spec.VolumeMode != nil {
		v.Mode = string(*claim.Spec.VolumeMode)
	}
	for _, mode := range claim.Spec.AccessModes {
		v.AccessModes = append(v.AccessModes, string(mode))
	}
	if v.Reason, v.Detail = p.unfit(claim); v.Reason != "" {
		return v
	}
	pv := p.volumes[claim.Spec.VolumeName]
	size := pv.Spec.Capacity[corev1.ResourceStorage]
	v.Size = size.Value()
	p.source(&v, pv)
	if v.Reason == "" && !p.served {
		v.Reason, v.Detail = ReasonNotServed, "the cluster has no VolumeSnapshots: install the CRDs of external-snapshotter"
	}
	if v.Reason == "" {
		p.choose(&v, claim.Annotations)
	}
	return v
}

// unfit is why a claim has no volume of which a snapshot could be taken.
func (p *planner) unfit(claim *corev1.PersistentVolumeClaim) (Reason, string) {
	pv := p.volumes[claim.Spec.VolumeName]
	switch {
	case claim.DeletionTimestamp != nil:
		return ReasonDeleting, "the claim is being deleted, and the controllers take no snapshot of such a one"
	case claim.Status.Phase == corev1.ClaimLost:
		return ReasonLost, fmt.Sprintf("the claim has lost its PersistentVolume %s", claim.Spec.VolumeName)
	case claim.Spec.VolumeName == "" && claim.Spec.StorageClassName != nil && p.waiting[*claim.Spec.StorageClassName]:
		return ReasonUnbound, fmt.Sprintf("the claim has no volume yet: StorageClass %s makes it when a first pod comes",
			*claim.Spec.StorageClassName)
	case claim.Spec.VolumeName == "" || claim.Status.Phase != corev1.ClaimBound:
		return ReasonUnbound, "the claim is not bound, so there is no volume with data: see its events"
	case p.noVolumes:
		return ReasonForbidden, "no right to get persistentvolumes, which alone say what driver a volume has"
	case pv == nil:
		return ReasonLost, fmt.Sprintf("PersistentVolume %s is not there", claim.Spec.VolumeName)
	case !boundTo(pv.Spec.ClaimRef, claim):
		return ReasonLost, fmt.Sprintf("PersistentVolume %s is not bound to this claim", pv.Name)
	}
	return "", ""
}

// boundTo is what snapshot-controller asks of a volume (isVolumeBoundToClaim).
func boundTo(ref *corev1.ObjectReference, claim *corev1.PersistentVolumeClaim) bool {
	return ref != nil && ref.Namespace == claim.Namespace && ref.Name == claim.Name && (ref.UID == "" || ref.UID == claim.UID)
}
