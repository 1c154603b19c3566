package csibed

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/internal/e2e/trial"
)

// crds is the module that has the CustomResourceDefinitions in its folder config/crd.
const crds = "github.com/kubernetes-csi/external-snapshotter/client/v8"

var definitions = schema.GroupVersionResource{
	Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions",
}

// Resources of the snapshot API, in the versions that it stores or has had for longest.
var (
	Snapshots     = schema.GroupVersionResource{Group: "snapshot.storage.k8s.io", Version: "v1", Resource: "volumesnapshots"}
	Contents      = Snapshots.GroupVersion().WithResource("volumesnapshotcontents")
	Classes       = Snapshots.GroupVersion().WithResource("volumesnapshotclasses")
	Groups        = schema.GroupVersion{Group: "groupsnapshot.storage.k8s.io", Version: "v1"}.WithResource("volumegroupsnapshots")
	GroupContents = Groups.GroupVersion().WithResource("volumegroupsnapshotcontents")
	GroupClasses  = Groups.GroupVersion().WithResource("volumegroupsnapshotclasses")
)

// Waiting names the StorageClass of a driver whose volumes are made for their first consumer.
func Waiting(driver string) string { return driver + "-waiting" }

// installCRDs makes the definitions of the snapshot API and waits until they are served.
func (b *Bed) installCRDs(t testing.TB) {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", crds).Output()
	if err != nil {
		t.Fatalf("go list -m %s: %v", crds, err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "config/crd/*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("module %s has no definitions in %s (error: %v)", crds, dir, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		trial.Must(t, err)
		o := new(unstructured.Unstructured)
		trial.Must(t, yaml.Unmarshal(text, &o.Object))
		if o.GetKind() == "CustomResourceDefinition" { // and not what kustomize reads
			b.Create(t, definitions, o)
			b.Until(t, definitions, "", o.GetName(), established)
		}
	}
}

// established reports whether a definition is served.
func established(o *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["type"] == "Established" && c["status"] == "True" {
			return true
		}
	}
	return false
}

// makeClasses makes what the manifests of a driver would.
func (b *Bed) makeClasses(t testing.TB, driver string) {
	t.Helper()
	ctx := trial.Context(t)
	reclaim, waits, attach := corev1.PersistentVolumeReclaimDelete, storagev1.VolumeBindingWaitForFirstConsumer, false
	for _, class := range []*storagev1.StorageClass{
		{ObjectMeta: metav1.ObjectMeta{Name: driver}, Provisioner: driver, ReclaimPolicy: &reclaim},
		{
			ObjectMeta: metav1.ObjectMeta{Name: Waiting(driver)}, Provisioner: driver, ReclaimPolicy: &reclaim,
			VolumeBindingMode: &waits,
		},
	} {
		_, err := b.Client.StorageV1().StorageClasses().Create(ctx, class, metav1.CreateOptions{})
		trial.Must(t, err)
	}
	_, err := b.Client.StorageV1().CSIDrivers().Create(ctx, &storagev1.CSIDriver{
		ObjectMeta: metav1.ObjectMeta{Name: driver}, Spec: storagev1.CSIDriverSpec{AttachRequired: &attach},
	}, metav1.CreateOptions{})
	trial.Must(t, err)
	b.MakeClass(t, driver, driver)
	b.Create(t, GroupClasses, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": Groups.GroupVersion().String(), "kind": "VolumeGroupSnapshotClass",
		"metadata": map[string]any{"name": driver}, "driver": driver, "deletionPolicy": "Delete",
	}})
}

// MakeClass makes a VolumeSnapshotClass of a driver, with policy Delete, and annotations by pairs of key and value.
func (b *Bed) MakeClass(t testing.TB, name, driver string, annotations ...string) {
	t.Helper()
	notes := make(map[string]any)
	for i := 0; i < len(annotations); i += 2 {
		notes[annotations[i]] = annotations[i+1]
	}
	b.Create(t, Classes, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": Snapshots.GroupVersion().String(), "kind": "VolumeSnapshotClass",
		"metadata": map[string]any{"name": name, "annotations": notes}, "driver": driver, "deletionPolicy": "Delete",
	}})
}
