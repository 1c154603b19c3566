package api

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Policies of a content: what becomes of the storage's own snapshot when the content goes.
const (
	Delete = "Delete"
	Retain = "Retain"
)

// Snapshot is a VolumeSnapshot: what somebody asks for.
type Snapshot struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              SnapshotSpec    `json:"spec"`
	Status            *SnapshotStatus `json:"status,omitempty"`
}

// SnapshotSpec has one source of the two. ClassName is absent or a name, never "".
type SnapshotSpec struct {
	Source struct {
		Claim   *string `json:"persistentVolumeClaimName,omitempty"`
		Content *string `json:"volumeSnapshotContentName,omitempty"`
	} `json:"source"`
	ClassName *string `json:"volumeSnapshotClassName,omitempty"`
}

// SnapshotStatus is what snapshot-controller copies from the content. ReadyToUse may be absent for long, which is not false.
type SnapshotStatus struct {
	Content      *string            `json:"boundVolumeSnapshotContentName,omitempty"`
	CreationTime *metav1.Time       `json:"creationTime,omitempty"`
	ReadyToUse   *bool              `json:"readyToUse,omitempty"`
	RestoreSize  *resource.Quantity `json:"restoreSize,omitempty"`
	Error        *Error             `json:"error,omitempty"`
	Group        *string            `json:"volumeGroupSnapshotName,omitempty"`
}

// Error is the last thing that went wrong; it goes away when the next try succeeds.
type Error struct {
	Time    *metav1.Time `json:"time,omitempty"`
	Message *string      `json:"message,omitempty"`
}

// Content is a VolumeSnapshotContent: the storage's snapshot, without a namespace.
type Content struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              ContentSpec    `json:"spec"`
	Status            *ContentStatus `json:"status,omitempty"`
}

// ContentSpec has one source of the two: a volume to be snapshotted or a snapshot that exists.
type ContentSpec struct {
	Snapshot       Reference `json:"volumeSnapshotRef"`
	DeletionPolicy string    `json:"deletionPolicy"`
	Driver         string    `json:"driver"`
	ClassName      *string   `json:"volumeSnapshotClassName,omitempty"`
	Source         struct {
		Volume   *string `json:"volumeHandle,omitempty"`
		Snapshot *string `json:"snapshotHandle,omitempty"`
	} `json:"source"`
	SourceVolumeMode *string `json:"sourceVolumeMode,omitempty"`
}

// Reference is the snapshot that a content is for. Trust neither of the two before both name each other, with the uid.
type Reference struct {
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind,omitempty"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name,omitempty"`
	UID        string `json:"uid,omitempty"`
}

// ContentStatus is what the sidecar of the driver writes. CreationTime is in nanoseconds since 1970, of the storage's clock;
// RestoreSize in bytes.
type ContentStatus struct {
	Handle       *string `json:"snapshotHandle,omitempty"`
	CreationTime *int64  `json:"creationTime,omitempty"`
	RestoreSize  *int64  `json:"restoreSize,omitempty"`
	ReadyToUse   *bool   `json:"readyToUse,omitempty"`
	Error        *Error  `json:"error,omitempty"`
	GroupHandle  *string `json:"volumeGroupSnapshotHandle,omitempty"`
}

// Class is a VolumeSnapshotClass.
type Class struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Driver            string            `json:"driver"`
	Parameters        map[string]string `json:"parameters,omitempty"`
	DeletionPolicy    string            `json:"deletionPolicy"`
}
