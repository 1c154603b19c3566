package api

import "k8s.io/apimachinery/pkg/runtime/schema"

// Groups of the snapshot APIs. The version of the first one has been v1 since 2020; that of groups is to be discovered.
const (
	SnapshotGroup      = "snapshot.storage.k8s.io"
	GroupSnapshotGroup = "groupsnapshot.storage.k8s.io"
)

// Resources that are read or written.
var (
	Snapshots      = schema.GroupVersionResource{Group: SnapshotGroup, Version: "v1", Resource: "volumesnapshots"}
	Contents       = schema.GroupVersionResource{Group: SnapshotGroup, Version: "v1", Resource: "volumesnapshotcontents"}
	Classes        = schema.GroupVersionResource{Group: SnapshotGroup, Version: "v1", Resource: "volumesnapshotclasses"}
	Claims         = schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumeclaims"}
	Volumes        = schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumes"}
	Pods           = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	Namespaces     = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	StorageClasses = schema.GroupVersionResource{Group: "storage.k8s.io", Version: "v1", Resource: "storageclasses"}
)

// What volsnap writes on objects of its own. A claim's name may be longer than the value of a label, so names are annotations.
const (
	LabelRun        = "clustersnap.github.io/run"            // of a snapshot, a group and a content that was pinned: the run's id
	LabelImported   = "clustersnap.github.io/imported"       // "true": borrowed from elsewhere, never pruned
	LabelPurpose    = "clustersnap.github.io/purpose"        // of a snapshot and its content, what it is for if not a backup
	PurposeSafety   = "safety"                               // value of LabelPurpose: the way back of a restore in place
	AnnotationClaim = "clustersnap.github.io/claim"          // name of the claim that a snapshot is of
	AnnotationClass = "clustersnap.github.io/snapshot-class" // on a claim, by its owner: the VolumeSnapshotClass to use
	AnnotationCut   = "clustersnap.github.io/cut"            // when the data were frozen, RFC 3339 with nanoseconds: its age
)

// VeleroClass marks for Velero what class to use: an annotation of a claim, or a label of a class. See
// pkg/util/csi/volume_snapshot.go there.
const VeleroClass = "velero.io/csi-volumesnapshot-class"

// MigratedTo names on an in-tree PersistentVolume the CSI driver that serves it (kube-controller-manager,
// pkg/controller/volume/persistentvolume).
const MigratedTo = "pv.kubernetes.io/migrated-to"

// Annotations of the controllers (external-snapshotter, pkg/utils/util.go).
const (
	AnnotationDefaultClass    = "snapshot.storage.kubernetes.io/is-default-class"
	AnnotationBeingCreated    = "snapshot.storage.kubernetes.io/volumesnapshot-being-created"
	AnnotationBeingDeleted    = "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted"
	AnnotationModeChange      = "snapshot.storage.kubernetes.io/allow-volume-mode-change"
	AnnotationDeletionSecret  = "snapshot.storage.kubernetes.io/deletion-secret-name"
	AnnotationDeletionSecrets = "snapshot.storage.kubernetes.io/deletion-secret-namespace"
)
