package api

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Names of resources and kinds of group snapshots, whatever the version.
const (
	GroupSnapshots = "volumegroupsnapshots"
	GroupContents  = "volumegroupsnapshotcontents"
	GroupClasses   = "volumegroupsnapshotclasses"
)

// GroupSnapshot is a VolumeGroupSnapshot. The fields here are the same in v1, v1beta2 and v1beta1.
type GroupSnapshot struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              struct {
		Source struct {
			Selector *metav1.LabelSelector `json:"selector,omitempty"`
			Content  *string               `json:"volumeGroupSnapshotContentName,omitempty"`
		} `json:"source"`
		ClassName *string `json:"volumeGroupSnapshotClassName,omitempty"`
	} `json:"spec"`
	Status *struct {
		Content      *string      `json:"boundVolumeGroupSnapshotContentName,omitempty"`
		CreationTime *metav1.Time `json:"creationTime,omitempty"`
		ReadyToUse   *bool        `json:"readyToUse,omitempty"`
		Error        *Error       `json:"error,omitempty"`
	} `json:"status,omitempty"`
}
