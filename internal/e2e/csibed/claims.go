package csibed

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed/driver"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
)

// claims is the resource of PersistentVolumeClaims.
var claims = schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumeclaims"}

// Claim is one of 1 MiB for a StorageClass, not made yet.
func Claim(namespace, name, class string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"claim": name}},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class,
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Mi")},
			},
		},
	}
}

// Claims makes claims in a namespace and returns when all are bound: they are provisioned. Each has the label claim=NAME.
func (b *Bed) Claims(t testing.TB, namespace, class string, names ...string) {
	t.Helper()
	for _, name := range names {
		b.MakeClaim(t, Claim(namespace, name, class))
	}
	b.Bound(t, namespace, names...)
}

// MakeClaim makes a claim and does not wait.
func (b *Bed) MakeClaim(t testing.TB, claim *corev1.PersistentVolumeClaim) *corev1.PersistentVolumeClaim {
	t.Helper()
	made, err := b.Client.CoreV1().PersistentVolumeClaims(claim.Namespace).Create(trial.Context(t), claim, metav1.CreateOptions{})
	trial.Must(t, err)
	return made
}

// Bound waits by a watch until all of these claims are bound.
func (b *Bed) Bound(t testing.TB, namespace string, names ...string) {
	t.Helper()
	missing := make(map[string]bool)
	for _, name := range names {
		missing[name] = true
	}
	one := "" // a watch on a single claim, or on those of the namespace
	if len(names) == 1 {
		one = names[0]
	}
	err := b.follow(trial.Context(t), claims, namespace, one, func(e watch.Event) (bool, error) {
		if o, ok := e.Object.(*unstructured.Unstructured); ok {
			if phase, _, _ := unstructured.NestedString(o.Object, "status", "phase"); phase == string(corev1.ClaimBound) {
				delete(missing, o.GetName())
			}
		}
		return len(missing) == 0, nil
	})
	if err != nil {
		t.Fatalf("claims of %s that were not bound: %v: %v", namespace, missing, err)
	}
}

// Volume gives the PersistentVolume of a bound claim.
func (b *Bed) Volume(t testing.TB, namespace, claim string) *corev1.PersistentVolume {
	t.Helper()
	ctx := trial.Context(t)
	c, err := b.Client.CoreV1().PersistentVolumeClaims(namespace).Get(ctx, claim, metav1.GetOptions{})
	trial.Must(t, err)
	volume, err := b.Client.CoreV1().PersistentVolumes().Get(ctx, c.Spec.VolumeName, metav1.GetOptions{})
	trial.Must(t, err)
	return volume
}

// DriverOf gives the driver of a bound claim and its handle there.
func (b *Bed) DriverOf(t testing.TB, namespace, claim string) (d *driver.Driver, handle string) {
	t.Helper()
	source := b.Volume(t, namespace, claim).Spec.CSI
	return b.driver(t, source.Driver), source.VolumeHandle
}

// VolumePath is the folder with the files of a bound claim.
func (b *Bed) VolumePath(t testing.TB, namespace, claim string) string {
	t.Helper()
	d, handle := b.DriverOf(t, namespace, claim)
	return d.VolumePath(handle)
}
