// Package restore makes claims of snapshots: beside what is there, in its place, or only to prove that it can be done.
//
//	claim, err := restore.Claim(ctx, cluster, snapshot, "shop-copy", "db", restore.ClaimOptions{})
//	if err != nil {
//		return err
//	}
//	if claim.State == restore.WaitsForConsumer {
//		fmt.Println("start the pod that mounts it")
//	}
//
// What the provisioner would refuse it says in an event only, and the claim is pending for ever. So [Claim] makes its checks
// first: the snapshot ready and bound to its content and back, the driver that of the StorageClass, size, and volume mode. A
// claim that waits for its first pod is told apart from one that fails. A cluster gives a claim any volume of its class that is
// available, without a look at what the claim is to be made of: such a claim is deleted, the volume given back, and the error
// [ErrStranger]. Into another namespace a snapshot is imported by its
// handle as long as the claim needs it; into another cluster by volsnap/handover.
//
// # In place
//
//	done, err := restore.Swap(ctx, cluster, snapshot, "shop", "db", restore.SwapOptions{
//		Stop: restore.Scale(cluster, "shop", "statefulset/db"),
//	})
//
// [Swap] gives a claim of the same name a volume made of the snapshot. Nothing is lost on the way: all is checked, and the
// old volume kept, before anything is stopped, a safety snapshot is ready before anything is deleted, the old volume is kept
// until [Discard] is told to delete it, and what fails is undone. The state is written on the old volume, so after a crash
// the same call goes on, and [Undo] goes back; Undo works after a swap that has succeeded, too. Safety snapshots stay until
// volsnap/prune is told from what age on they go.
//
// # Drills
//
//	proof, err := restore.Drill(ctx, cluster, snapshot, restore.DrillOptions{Pod: checkPod})
//
// [Drill] restores into a scratch namespace, lets a pod of the caller's look at the data, and removes everything, after a
// failure too. A snapshot that is ready is a promise of its driver; this is the only proof.
//
// # What it does not do
//
// It brings back volumes, not the objects that use them: see manifests/apply. It does not look into the data. It does not
// change the number of replicas but by [Scale], where the caller says so.
//
// # Rights
//
// For all of it; claims, pods, snapshots, events and workloads in the namespaces concerned.
//
//	apiVersion: rbac.authorization.k8s.io/v1
//	kind: ClusterRole
//	metadata:
//	  name: clustersnap-restore-volumes
//	rules:
//	- apiGroups: [""]
//	  resources: [persistentvolumeclaims]
//	  verbs: [get, list, watch, create, delete]
//	- apiGroups: [""] # without it nobody says why a claim is pending
//	  resources: [events]
//	  verbs: [list, watch]
//	- apiGroups: [storage.k8s.io]
//	  resources: [storageclasses]
//	  verbs: [get, list]
//	- apiGroups: [snapshot.storage.k8s.io] # patch to label the safety snapshot
//	  resources: [volumesnapshots]
//	  verbs: [get, list, watch, patch]
//	- apiGroups: [snapshot.storage.k8s.io] # patch to let the volume mode change, and to label the safety snapshot
//	  resources: [volumesnapshotcontents]
//	  verbs: [get, list, watch, patch]
//	- apiGroups: [snapshot.storage.k8s.io] # into another namespace, and drills
//	  resources: [volumesnapshots, volumesnapshotcontents]
//	  verbs: [create, delete]
//	- apiGroups: [snapshot.storage.k8s.io] # into another namespace, and drills
//	  resources: [volumesnapshotclasses]
//	  verbs: [list]
//	- apiGroups: [storage.k8s.io] # into another namespace, and drills, for a driver without a class
//	  resources: [csidrivers]
//	  verbs: [get]
//	- apiGroups: [""] # patch for Swap, Undo, Discard, drills, and to give back a volume that was not made of the snapshot
//	  resources: [persistentvolumes]
//	  verbs: [get, list, watch, patch]
//	- apiGroups: [""] # Swap and Undo: what mounts the claim
//	  resources: [pods]
//	  verbs: [get, list, watch]
//	- apiGroups: [apps] # Scale
//	  resources: [deployments, statefulsets]
//	  verbs: [get, patch]
//	- apiGroups: [""] # drills
//	  resources: [namespaces, pods]
//	  verbs: [get, list, watch, create, delete]
//	- apiGroups: [""] # drills with a pod
//	  resources: [serviceaccounts]
//	  verbs: [get, list, watch]
//
// A safety snapshot that Swap takes itself needs the rights of volsnap, too.
package restore
