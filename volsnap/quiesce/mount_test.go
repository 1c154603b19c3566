package quiesce

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// TestClaimAt takes mount points of claims, and nothing that may be of the node's own file system.
func TestClaimAt(t *testing.T) {
	pod := podAt(t, "http://localhost")
	claim, scratch := corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}, corev1.EphemeralVolumeSource{}
	pod.Spec.Volumes = []corev1.Volume{
		{Name: "claim", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &claim}},
		{Name: "ephemeral", VolumeSource: corev1.VolumeSource{Ephemeral: &scratch}},
		{Name: "empty", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		{Name: "host", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/srv"}}},
	}
	pod.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{
		{Name: "claim", MountPath: "/data"}, {Name: "claim", MountPath: "/a b'$(x)"}, {Name: "ephemeral", MountPath: "/scratch/"},
		{Name: "empty", MountPath: "/empty"}, {Name: "host", MountPath: "/host"}, {Name: "none", MountPath: "/none"},
		{Name: "claim", MountPath: "/"},
	}
	pod.Spec.InitContainers[1].VolumeMounts = []corev1.VolumeMount{{Name: "claim", MountPath: "/side"}}
	for mount, want := range map[Mount]string{
		{Path: "/data"}: "data", {Path: "/data/"}: "data", {Path: "/a b'$(x)"}: "data", {Path: "/scratch"}: "db-0-ephemeral",
		{Container: "first", Path: "/data"}: "data", {Container: "sidecar", Path: "/side"}: "data",
		{Path: "/empty"}: "", {Path: "/host"}: "", {Path: "/none"}: "", {Path: "/data/sub"}: "", {Path: "/other"}: "",
		{Container: "second", Path: "/data"}: "", {Path: "/side"}: "", {Container: "third", Path: "/data"}: "",
		{Path: "/"}: "", {Path: "/data/.."}: "", {Path: "data"}: "", {Path: ""}: "", {Path: "-u"}: "",
		{Path: "/data\x00"}: "",
	} {
		if got, err := pod.claimAt(mount); got != want || (err == nil) != (want != "") {
			t.Errorf("mount point %+v: got %q and %v, want %q", mount, got, err, want)
		}
	}
}
