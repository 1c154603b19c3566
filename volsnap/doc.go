// Package volsnap takes snapshots of the volumes of a cluster by its API of VolumeSnapshots, which drivers of the Container
// Storage Interface (CSI) carry out: it plans, freezes pods for as short as can be, and accounts for every volume.
//
//	cluster, err := volsnap.NewCluster(config)
//	plan, err := cluster.Plan(ctx, volsnap.Selection{Namespaces: []string{"shop"}}, volsnap.PlanOptions{})
//	if err != nil {
//		return err
//	}
//	plan.WriteText(os.Stdout)
//	account, err := cluster.Take(ctx, plan, volsnap.TakeOptions{Run: "nightly-2026-11-26"})
//	if err != nil {
//		return err
//	}
//	if err := account.Complete(volsnap.ReasonEphemeral); err != nil {
//		return err // names each volume that has no snapshot and for another reason than was accepted
//	}
//
// [Cluster.Plan] makes nothing. It looks up the driver of each volume, chooses the VolumeSnapshotClass, and says of each volume
// that can't be snapshotted why, and what to do about it. [Cluster.Take] takes what was planned, and returns each volume
// of the plan as snapshotted, failed or not snapshottable: a run with a volume that nobody can explain is not a success.
//
// # What counts as a volume
//
// Every claim that is selected, and every volume with data that a pod mounts without a claim: hostPath, emptyDir, NFS and so
// on. What Kubernetes fills itself (configMap, secret, downwardAPI, projected, image) is left out. A generic ephemeral volume
// has a claim, which its pod owns, and is treated as any other claim. A pod that has ended mounts nothing.
//
// A claim chooses its VolumeSnapshotClass by the annotation clustersnap.github.io/snapshot-class, unless [PlanOptions] does.
//
// # What it does not do
//
// It copies no data out of the storage: a snapshot may be lost with the storage that it is in. It does not decide how long
// snapshots are kept, see Keep of the root package and volsnap/prune. Pods are frozen by volsnap/quiesce or by a function of
// the caller's, snapshots are written down and taken to other clusters by volsnap/handover, and come back by volsnap/restore.
//
// A snapshot or a group that is given up is deleted where its class has the policy Delete. With Retain the storage's own would
// stay and nothing tell of it, so the objects are left, and the result says so.
//
// The controllers are those of the cluster: snapshot-controller, and the csi-snapshotter sidecar of each driver.
// VolumeSnapshots are read at v1, groups of them at v1, v1beta2 or v1beta1, whichever is served.
//
// # Rights
//
// For a plan and a run in all namespaces. Where fewer namespaces are selected, the namespaced ones can be in a Role of each;
// what is missing is in [Plan].Missing, or is the reason of the volumes that can't be taken without.
//
//	apiVersion: rbac.authorization.k8s.io/v1
//	kind: ClusterRole
//	metadata:
//	  name: clustersnap-volumes
//	rules:
//	- apiGroups: [""] # namespaced: persistentvolumeclaims and pods
//	  resources: [persistentvolumeclaims, pods, persistentvolumes, namespaces]
//	  verbs: [get, list]
//	- apiGroups: [storage.k8s.io]
//	  resources: [storageclasses]
//	  verbs: [list]
//	- apiGroups: [snapshot.storage.k8s.io]
//	  resources: [volumesnapshotclasses]
//	  verbs: [get, list]
//	- apiGroups: [snapshot.storage.k8s.io] # namespaced
//	  resources: [volumesnapshots]
//	  verbs: [get, list, watch, create, delete, patch] # patch for groups alone: members are given the label of the run
//	- apiGroups: [snapshot.storage.k8s.io] # without it freezes are longer, and nothing is pinned
//	  resources: [volumesnapshotcontents]
//	  verbs: [get, list, watch, patch]
//	- apiGroups: [groupsnapshot.storage.k8s.io] # namespaced, for groups alone
//	  resources: [volumegroupsnapshots]
//	  verbs: [get, watch, create, delete]
//	- apiGroups: [groupsnapshot.storage.k8s.io] # for groups alone
//	  resources: [volumegroupsnapshotclasses]
//	  verbs: [list]
//	- apiGroups: [groupsnapshot.storage.k8s.io] # for groups alone
//	  resources: [volumegroupsnapshotcontents]
//	  verbs: [get, watch, patch]
//	- apiGroups: [""] # namespaced, for groups alone: the claims of a group are given a label
//	  resources: [persistentvolumeclaims]
//	  verbs: [patch]
//
// [PlanOptions].Migrated takes create for volumesnapshotcontents as well.
package volsnap
