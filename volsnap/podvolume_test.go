package volsnap

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// pod makes a pod with one volume for each source, named for its field.
func pod(name string, sources ...corev1.VolumeSource) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(name)}}
	for _, source := range sources {
		p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: fieldOf(source), VolumeSource: source})
	}
	return p
}

func ofClaim(name string) corev1.VolumeSource {
	return corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: name}}
}

// claimNamed makes a claim; owner is the pod that has it as an ephemeral volume, nil if none.
func claimNamed(name string, owner *corev1.Pod) *corev1.PersistentVolumeClaim {
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
	if owner != nil {
		claim.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(owner, corev1.SchemeGroupVersion.WithKind("Pod"))}
	}
	return claim
}

var (
	generic  = corev1.VolumeSource{Ephemeral: &corev1.EphemeralVolumeSource{}}
	emptyDir = corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
)

// told are the volumes without a claim, as "pod/volume: reason".
func told(pods []*corev1.Pod, claims []*corev1.PersistentVolumeClaim, s Selection) []string {
	var lines []string
	for _, v := range withoutClaim(pods, claims, s) {
		lines = append(lines, fmt.Sprintf("%s: %s", v.PodVolume, v.Reason))
		if v.Detail == "" || v.Namespace != "shop" || len(v.Pods) != 1 {
			lines = append(lines, fmt.Sprintf("incomplete: %+v", v))
		}
	}
	slices.Sort(lines)
	return lines
}

func TestVolumesOfPodsWithoutAClaim(t *testing.T) {
	all := pod("web",
		emptyDir, corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{}}, corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{}},
		corev1.VolumeSource{CSI: &corev1.CSIVolumeSource{}}, corev1.VolumeSource{GitRepo: &corev1.GitRepoVolumeSource{}},
		corev1.VolumeSource{ISCSI: &corev1.ISCSIVolumeSource{}}, corev1.VolumeSource{Cinder: &corev1.CinderVolumeSource{}},
		corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{}}, corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{}},
		corev1.VolumeSource{DownwardAPI: &corev1.DownwardAPIVolumeSource{}},
		corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{}}, corev1.VolumeSource{Image: &corev1.ImageVolumeSource{}},
		ofClaim("data"), generic, corev1.VolumeSource{})
	claims := []*corev1.PersistentVolumeClaim{claimNamed("data", nil), claimNamed("web-ephemeral", all)}
	want := []string{
		"web/: not CSI", // of a later Kubernetes
		"web/cinder: not CSI", "web/csi: ephemeral", "web/emptyDir: ephemeral", "web/gitRepo: ephemeral", "web/hostPath: hostPath",
		"web/iscsi: not CSI", "web/nfs: nfs",
	}
	if got := told([]*corev1.Pod{all}, claims, Selection{}); !slices.Equal(got, want) {
		t.Errorf("without a claim are %q, want %q", got, want)
	}
}

func TestClaimsOfPodsThatAreNotThere(t *testing.T) {
	web := pod("web", ofClaim("gone"), generic)
	stranger := claimNamed("web-ephemeral", pod("other"))
	for name, test := range map[string]struct {
		claims []*corev1.PersistentVolumeClaim
		s      Selection
		want   []string
	}{
		"none of them": {nil, Selection{}, []string{"web/ephemeral: unbound", "web/persistentVolumeClaim: unbound"}},
		"one is another pod's": {
			[]*corev1.PersistentVolumeClaim{claimNamed("gone", nil), stranger}, Selection{}, []string{"web/ephemeral: unbound"},
		},
		"one is nobody's": {
			[]*corev1.PersistentVolumeClaim{claimNamed("gone", nil), claimNamed("web-ephemeral", nil)},
			Selection{}, []string{"web/ephemeral: unbound"},
		},
		// Whatever a selection leaves out is not missing.
		"not selected by label": {[]*corev1.PersistentVolumeClaim{claimNamed("gone", nil)}, Selection{Labels: "a=b"}, nil},
		"not selected by name": {
			[]*corev1.PersistentVolumeClaim{claimNamed("gone", nil)}, Selection{Claims: []string{"shop/gone"}}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := told([]*corev1.Pod{web}, test.claims, test.s); !slices.Equal(got, test.want) {
				t.Errorf("without a claim are %q, want %q", got, test.want)
			}
		})
	}
}

func TestASelectionTakesThePodsOfItsClaims(t *testing.T) {
	pods := []*corev1.Pod{pod("db", ofClaim("data"), emptyDir), pod("web", emptyDir), pod("job", generic, emptyDir)}
	claims := []*corev1.PersistentVolumeClaim{claimNamed("data", nil), claimNamed("job-ephemeral", pods[2])}
	for _, s := range []Selection{{Labels: "app=db"}, {Claims: []string{"shop/data", "shop/job-ephemeral"}}} {
		want := []string{"db/emptyDir: ephemeral", "job/emptyDir: ephemeral"}
		if got := told(pods, claims, s); !slices.Equal(got, want) {
			t.Errorf("%+v has without a claim %q, want %q", s, got, want)
		}
	}
	if got := told(pods, claims, Selection{Namespaces: []string{"shop"}}); len(got) != 3 {
		t.Errorf("the namespace has without a claim %q, want that of all three pods", got)
	}
}

func TestMountsOfPods(t *testing.T) {
	pods := []*corev1.Pod{
		pod("web-2", ofClaim("shared"), ofClaim("shared")), pod("web-1", ofClaim("shared"), emptyDir), pod("job", generic),
	}
	pods[2].Namespace = "night"
	want := map[string][]string{"shop/shared": {"web-1", "web-2"}, "night/job-ephemeral": {"job"}}
	if got := mountsOf(pods); !reflect.DeepEqual(got, want) {
		t.Errorf("mounts are %v, want %v", got, want)
	}
}
