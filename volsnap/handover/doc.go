// Package handover takes snapshots of volumes to another namespace or another cluster of the same storage, by records: what
// the storage calls the snapshot, and what an import would lose otherwise.
//
//	records, err := handover.Export(ctx, cluster, snapshots) // as part of the backup, while the claims are there
//	if err != nil {
//		return err // names each snapshot that has no record; the records of the others are there
//	}
//	err = set.Add("volumes.json", func(w io.Writer) error { return handover.Write(w, records) })
//
// and where the data are needed:
//
//	records, err := handover.Read(file)
//	snapshot, err := handover.Import(ctx, elsewhere, records[0], "shop", "db", handover.ImportOptions{})
//	claim, err := restore.Claim(ctx, elsewhere, *snapshot, "shop", "db", restore.ClaimOptions{
//		Size: records[0].Size, AccessModes: records[0].AccessModes, StorageClass: records[0].StorageClass,
//	})
//
// A file of records is JSON, has a version, and no data and no secret. It belongs into the backup set of the objects.
//
// # What an import is
//
// A VolumeSnapshotContent of the storage's handle and a VolumeSnapshot, bound to each other, with policy Retain and the mode of
// the source. Both have the label clustersnap.github.io/imported, and the claim's name and the true time of the cut as
// annotations: the controllers would take the time of the import for it. The driver must be known to the cluster by a
// VolumeSnapshotClass or a CSIDriver, under the same name, and reach the same storage. The class is that of the record's name
// if it is of the driver, or the driver's default or only one; its Secrets are used.
//
// # What it does not do
//
// It moves no data: a storage that does not have the snapshot can't be given it. It can't tell that of a driver that does not
// list its snapshots: the controllers make any handle ready then. Such a snapshot is Unverified, and only a restore (see
// volsnap/restore, Drill) proves that it is there.
//
// Where a driver says of a snapshot which group it is of, snapshot-controller makes it ready only if the cluster has a
// VolumeGroupSnapshotContent of [Record].GroupHandle (updateSnapshotStatus in external-snapshotter 8.7). It is not made
// here: its deletion deletes the group in the storage if its policy is not Retain.
//
// A snapshot whose policy is Delete goes with its namespace, whatever records say. See pins in volsnap.
//
// # Rights
//
//	apiVersion: rbac.authorization.k8s.io/v1
//	kind: ClusterRole
//	metadata:
//	  name: clustersnap-handover
//	rules:
//	- apiGroups: [""] # Export: the cluster's identity, and what the claims are like
//	  resources: [namespaces, persistentvolumeclaims, persistentvolumes]
//	  verbs: [get]
//	- apiGroups: [snapshot.storage.k8s.io] # Export takes get alone
//	  resources: [volumesnapshots]
//	  verbs: [get, list, watch, create, delete]
//	- apiGroups: [snapshot.storage.k8s.io]
//	  resources: [volumesnapshotcontents]
//	  verbs: [get, list, watch, create, delete]
//	- apiGroups: [snapshot.storage.k8s.io] # Import
//	  resources: [volumesnapshotclasses]
//	  verbs: [list]
//	- apiGroups: [storage.k8s.io] # Import, for a driver without a class
//	  resources: [csidrivers]
//	  verbs: [get]
package handover
