package volsnap

// Volume is one volume of a plan: a PersistentVolumeClaim, or a volume of a pod that has none.
type Volume struct {
	Namespace string `json:"namespace"`
	Claim     string `json:"claim,omitempty"`     // name of the PersistentVolumeClaim
	PodVolume string `json:"podVolume,omitempty"` // "pod/volume", of a volume without a claim
	PV        string `json:"pv,omitempty"`        // name of the PersistentVolume
	// Source is the plugin that the volume is of, as the API names its field: csi, hostPath, nfs, portworxVolume, emptyDir.
	Source       string `json:"source,omitempty"`
	Driver       string `json:"driver,omitempty"` // of the PersistentVolume, never of the StorageClass
	Handle       string `json:"handle,omitempty"` // the driver's name of the volume
	StorageClass string `json:"storageClass,omitempty"`
	Class        string `json:"class,omitempty"` // VolumeSnapshotClass that will be used
	Mode         string `json:"mode,omitempty"`  // Filesystem or Block
	Size         int64  `json:"size,omitempty"`  // capacity of the PersistentVolume in bytes
	// AccessModes as the claim has them, Labels those of the claim: a record carries them to the place of a restore.
	AccessModes []string          `json:"accessModes,omitempty"`
	FSType      string            `json:"fsType,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Pods        []string          `json:"pods,omitempty"` // names of the pods that mount it and have not ended
	// Migrated is an in-tree volume that a CSI driver serves, see PlanOptions.Migrated.
	Migrated bool `json:"migrated,omitempty"`
	// Reason is why no snapshot of it can be taken; empty if one will be. Detail says it as a sentence with what to do next.
	Reason Reason `json:"reason,omitempty"`
	Detail string `json:"detail,omitempty"`
}
