package api

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// LabelGroup begins the key of the label that is put on claims for as long as a group of them is cut: a VolumeGroupSnapshot
// takes what its selector finds. Each group has a key of its own, so that two runs over one claim do each other no harm.
const LabelGroup = "group.clustersnap.github.io/"

// AnnotationDefaultGroupClass marks a default VolumeGroupSnapshotClass with "true".
const AnnotationDefaultGroupClass = "groupsnapshot.storage.kubernetes.io/is-default-class"

// AnnotationGroupBeingCreated is on a VolumeGroupSnapshotContent from before the driver is asked on (external-snapshotter,
// pkg/utils/util.go).
const AnnotationGroupBeingCreated = "groupsnapshot.storage.kubernetes.io/volumegroupsnapshot-being-created"

// InGroups is a resource of group snapshots at a version that the cluster serves.
func InGroups(version, resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: GroupSnapshotGroup, Version: version, Resource: resource}
}

// GroupContent is a VolumeGroupSnapshotContent. Of its status there is only what is the same in v1, v1beta2 and v1beta1.
type GroupContent struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              struct {
		Group          Reference `json:"volumeGroupSnapshotRef"`
		DeletionPolicy string    `json:"deletionPolicy"`
		Driver         string    `json:"driver"`
		Source         struct {
			Volumes []string `json:"volumeHandles,omitempty"` // what is cut; not of an import
		} `json:"source"`
	} `json:"spec"`
	Status *struct {
		Handle     *string `json:"volumeGroupSnapshotHandle,omitempty"`
		ReadyToUse *bool   `json:"readyToUse,omitempty"`
		Error      *Error  `json:"error,omitempty"`
	} `json:"status,omitempty"`
}

// GroupClass is a VolumeGroupSnapshotClass.
type GroupClass struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Driver            string `json:"driver"`
	DeletionPolicy    string `json:"deletionPolicy"`
}
