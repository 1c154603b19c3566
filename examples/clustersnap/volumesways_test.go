package main

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/quiesce"
)

func claimVolume(name, claim string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
	}}
}

// What is not taken is not frozen either: a claim may be a folder of the node, and then all of the node would stand still.
func TestOnlyWhatIsTakenIsFrozen(t *testing.T) {
	taken := takenIn(&volsnap.Plan{Volumes: []volsnap.Volume{
		{Namespace: "shop", Claim: "good"}, {Namespace: "shop", Claim: "db-0-scratch"}, {Namespace: "other", Claim: "elsewhere"},
		{Namespace: "shop", Claim: "node", Reason: volsnap.ReasonHostPath}, {Namespace: "shop", PodVolume: "db-0/empty"},
	}})
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "db-0"}}
	pod.Spec.Volumes = []corev1.Volume{
		claimVolume("a", "good"), claimVolume("b", "node"), claimVolume("c", "unselected"), claimVolume("d", "elsewhere"),
		{Name: "scratch", VolumeSource: corev1.VolumeSource{Ephemeral: &corev1.EphemeralVolumeSource{}}},
		{Name: "empty", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
	}
	for _, v := range pod.Spec.Volumes {
		mount := corev1.VolumeMount{Name: v.Name, MountPath: "/" + v.Name}
		if len(pod.Spec.Containers) == 0 {
			pod.Spec.Containers = []corev1.Container{{Name: "db"}, {Name: "freezer"}}
		}
		pod.Spec.Containers[1].VolumeMounts = append(pod.Spec.Containers[1].VolumeMounts, mount)
	}
	want := []quiesce.Mount{{Container: "freezer", Path: "/a"}, {Container: "freezer", Path: "/scratch"}}
	if got := mountsIn(pod, "freezer", taken); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := mountsIn(pod, "db", taken); len(got) > 0 {
		t.Errorf("of a container that mounts nothing: got %+v", got)
	}
}

func TestInTree(t *testing.T) {
	of := func(source corev1.PersistentVolumeSource) *corev1.PersistentVolume {
		return &corev1.PersistentVolume{Spec: corev1.PersistentVolumeSpec{PersistentVolumeSource: source}}
	}
	driver, handle, err := inTree(of(corev1.PersistentVolumeSource{
		AWSElasticBlockStore: &corev1.AWSElasticBlockStoreVolumeSource{VolumeID: "aws://eu-west-1a/vol-0123456789abcdef0"},
	}))
	if driver != "ebs.csi.aws.com" || handle != "vol-0123456789abcdef0" || err != nil {
		t.Errorf("got %q, %q and %v", driver, handle, err)
	}
	if _, _, err := inTree(of(corev1.PersistentVolumeSource{NFS: &corev1.NFSVolumeSource{Server: "a"}})); err == nil {
		t.Error("a file server has a CSI driver")
	}
}
