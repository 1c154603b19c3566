package volsnap

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// mountsOf gives the names of the pods that mount a claim, by namespace/claim.
func mountsOf(pods []*corev1.Pod) map[string][]string {
	mounts := map[string][]string{}
	for _, pod := range pods {
		for _, volume := range pod.Spec.Volumes {
			if name := claimOf(pod, volume); name != "" {
				at := pod.Namespace + "/" + name
				mounts[at] = append(mounts[at], pod.Name)
			}
		}
	}
	for at, names := range mounts {
		slices.Sort(names)
		mounts[at] = slices.Compact(names)
	}
	return mounts
}

// claimOf is the claim that a volume of a pod is; a generic ephemeral volume has one that is named for the pod and the volume.
func claimOf(pod *corev1.Pod, volume corev1.Volume) string {
	switch {
	case volume.PersistentVolumeClaim != nil:
		return volume.PersistentVolumeClaim.ClaimName
	case volume.Ephemeral != nil:
		return pod.Name + "-" + volume.Name
	}
	return ""
}

// withoutClaim gives the volumes of pods that no claim of the plan stands for.
func withoutClaim(pods []*corev1.Pod, claims []*corev1.PersistentVolumeClaim, s Selection) []Volume {
	selected := map[string]*corev1.PersistentVolumeClaim{}
	for _, claim := range claims {
		selected[claim.Namespace+"/"+claim.Name] = claim
	}
	var volumes []Volume
	for _, pod := range pods {
		if !s.all() && !mountsAny(pod, selected) {
			continue
		}
		for _, volume := range pod.Spec.Volumes {
			v := Volume{Namespace: pod.Namespace, PodVolume: pod.Name + "/" + volume.Name, Pods: []string{pod.Name}}
			v.Source = fieldOf(volume.VolumeSource)
			if v.Reason, v.Detail = noClaim(pod, volume, v.Source, selected, s); v.Reason != "" {
				volumes = append(volumes, v)
			}
		}
	}
	return volumes
}

func mountsAny(pod *corev1.Pod, selected map[string]*corev1.PersistentVolumeClaim) bool {
	return slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
		return selected[pod.Namespace+"/"+claimOf(pod, v)] != nil
	})
}

// noClaim is why a volume of a pod can't be snapshotted. It is empty for one that has a claim, or no data of its own.
func noClaim(
	pod *corev1.Pod, volume corev1.Volume, source string, selected map[string]*corev1.PersistentVolumeClaim, s Selection,
) (Reason, string) {
	switch source {
	case "configMap", "secret", "downwardAPI", "projected", "image":
		return "", ""
	case "emptyDir", "csi", "gitRepo":
		return ReasonEphemeral, "it ends with its pod: what has to last belongs in a claim"
	case "persistentVolumeClaim", "ephemeral":
		return unclaimed(pod, volume, selected, s)
	}
	if _, ok := migrated[source]; ok {
		return ReasonNotCSI, fmt.Sprintf("a volume of %s that the pod mounts without a claim: give it a claim", source)
	}
	return outside(source)
}

// unclaimed is what is wrong with a claim that a pod names. In a selection by name or label the others are not meant.
func unclaimed(
	pod *corev1.Pod, volume corev1.Volume, selected map[string]*corev1.PersistentVolumeClaim, s Selection,
) (Reason, string) {
	name := claimOf(pod, volume)
	claim := selected[pod.Namespace+"/"+name]
	switch {
	case claim == nil && s.all():
		return ReasonUnbound, fmt.Sprintf("claim %s, which the pod wants to mount, is not there", name)
	case claim != nil && volume.Ephemeral != nil && !metav1.IsControlledBy(claim, pod):
		return ReasonUnbound, fmt.Sprintf("claim %s, which the pod would own, belongs to something else", name)
	}
	return "", ""
}
