package restore

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func podWith(volumes ...corev1.Volume) *corev1.Pod {
	pod := &corev1.Pod{Spec: corev1.PodSpec{Volumes: volumes}}
	pod.Name = "web"
	return pod
}

func TestMounts(t *testing.T) {
	of := func(claim string) corev1.Volume {
		return corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
		}}
	}
	ephemeral := corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{Ephemeral: &corev1.EphemeralVolumeSource{}}}
	for name, test := range map[string]struct {
		pod  *corev1.Pod
		want bool
	}{
		"no volume":        {podWith(), false},
		"another claim":    {podWith(of("other")), false},
		"the claim":        {podWith(corev1.Volume{Name: "empty"}, of("web-data")), true},
		"an ephemeral one": {podWith(ephemeral), true}, // its claim has the pod's and the volume's names
	} {
		if got := mounts(test.pod, "web-data"); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestStates(t *testing.T) {
	pod := &corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{
		{Name: "ok", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}},
		{Name: "look", State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{ExitCode: 3, Message: "rows\nare lost"},
		}},
	}}}
	if got, want := states(pod), "Failed; container look ended with 3: rows are lost"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
