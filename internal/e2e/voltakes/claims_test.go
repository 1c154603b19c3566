package voltakes

import (
	"fmt"

	"github.com/container-storage-interface/spec/lib/go/csi"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed/driver"
)

func names(n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("data-%d", i))
	}
	return names
}

// fill makes a namespace with bound claims of a driver.
func (p *place) fill(namespace string, d *driver.Driver, names ...string) {
	p.Helper()
	p.Namespace(p, namespace)
	for _, name := range names {
		p.make(namespace, name, d.Name, p.source(d, namespace+"-"+name))
	}
	p.Bound(p, namespace, names...)
}

// claim makes a bound claim with a volume of a driver.
func (p *place) claim(namespace, name string, d *driver.Driver) {
	p.Helper()
	p.bind(namespace, name, d.Name, p.source(d, namespace+"-"+name))
}

// pod makes a pod that mounts claims, and that nothing runs.
func (p *place) pod(namespace, name string, claims ...string) {
	p.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "none"}}},
	}
	for _, claim := range claims {
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: claim, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
		}})
	}
	_, err := p.Client.CoreV1().Pods(namespace).Create(p.ctx, pod, metav1.CreateOptions{})
	must(p, err)
}

// bind makes a claim of a volume, and waits until the controller manager has bound them.
func (p *place) bind(namespace, name, class string, source corev1.PersistentVolumeSource) {
	p.Helper()
	p.make(namespace, name, class, source)
	p.Bound(p, namespace, name)
}

// source is a new volume of a driver.
func (p *place) source(d *driver.Driver, name string) corev1.PersistentVolumeSource {
	p.Helper()
	return corev1.PersistentVolumeSource{
		CSI: &corev1.CSIPersistentVolumeSource{Driver: d.Name, VolumeHandle: p.volume(d, name)},
	}
}

// volume has a driver make a volume, and gives its handle.
func (p *place) volume(d *driver.Driver, name string) string {
	p.Helper()
	made, err := d.CreateVolume(p.ctx, &csi.CreateVolumeRequest{
		Name: name, CapacityRange: &csi.CapacityRange{RequiredBytes: 1 << 20},
		VolumeCapabilities: []*csi.VolumeCapability{{
			AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{}},
			AccessMode: &csi.VolumeCapability_AccessMode{Mode: csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER},
		}},
	})
	must(p, err)
	return made.Volume.VolumeId
}

// make makes a volume that is for a claim, and then the claim: the other way round it would be lost for a moment.
func (p *place) make(namespace, name, class string, source corev1.PersistentVolumeSource) {
	p.Helper()
	claim := csibed.Claim(namespace, name, class)
	claim.Spec.VolumeName = namespace + "-" + name
	size := corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Mi")}
	_, err := p.Client.CoreV1().PersistentVolumes().Create(p.ctx, &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: claim.Spec.VolumeName},
		Spec: corev1.PersistentVolumeSpec{
			Capacity: size, AccessModes: claim.Spec.AccessModes, PersistentVolumeSource: source, StorageClassName: class,
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain,
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: namespace, Name: name,
			},
		},
	}, metav1.CreateOptions{})
	must(p, err)
	p.MakeClaim(p, claim)
}
