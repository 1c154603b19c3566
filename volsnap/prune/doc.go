// Package prune deletes snapshots of volumes that a run of volsnap has taken and that nobody wants any more: what goes is the
// caller's choice, what must never go is this package's.
//
//	plan, err := prune.Prepare(ctx, cluster, func(series []volsnap.Snapshot) []bool {
//		cut := func(s volsnap.Snapshot) time.Time { return s.Cut }
//		return clustersnap.Keep(series, cut, clustersnap.Retention{Last: 3, Daily: 14}, now)
//	}, prune.Options{Now: now})
//	if err != nil {
//		return err
//	}
//	for _, item := range plan.Items {
//		fmt.Println(item) // nothing has been deleted yet
//	}
//	report, err := prune.Run(ctx, cluster, plan, prune.RunOptions{})
//	if err != nil {
//		return err
//	}
//	return report.Err()
//
// The choice is asked once for each series: the snapshots of one claim that are ready, the newest first, by when they were
// cut. A claim may be gone by then, and so may its namespace: a pinned content that has lost its snapshot is one of its series
// all the same. What a run has pinned, and what it has not, are two series: whoever may make snapshots in a namespace can make
// nothing go that was pinned by making more of them.
//
// # What never goes
//
// Whatever the choice says: snapshots without the label of a run; imported ones; the last good one of a series; one from which
// a pending claim is being restored; one whose handle another content has, such as an import of it; members of a group, unless
// the group goes with all of them; one whose two objects do not name each other. [Run] looks again, and refuses what has
// changed since the plan was made. It follows the contents of the cluster while it works, and lists the claims of a namespace
// just before one of its snapshots goes. A content that is about to go has the annotation clustersnap.github.io/pruning.
//
// What restore.Swap takes as its way back, with the label clustersnap.github.io/purpose of the value safety, is no backup:
// the choice is not asked for it, and it counts for no series. The plan keeps it as [Safety], whether the swap has ended, was
// undone or was discarded, until it is as old as [Options].Safety. The way back of Undo is the old volume, which prune never
// touches.
//
// Snapshots that never became ready count for nothing. Old ones are leftovers, which [Run] deletes only if it is told to.
//
// # How they go
//
// A pinned content gets the policy Delete back, so that the storage's own snapshot goes, and is seen gone itself, not only its
// VolumeSnapshot. Few are in flight at once: the controllers' own limits would leave storage behind otherwise (see
// external-snapshotter pull request 1446).
//
// # What it does not do
//
// It does not see what other clusters have imported, nor records of volsnap/handover: prune the backup sets that have them as
// well.
//
// # Rights
//
//	apiVersion: rbac.authorization.k8s.io/v1
//	kind: ClusterRole
//	metadata:
//	  name: clustersnap-prune-volumes
//	rules:
//	- apiGroups: [snapshot.storage.k8s.io] # patch and delete are for Run
//	  resources: [volumesnapshots, volumesnapshotcontents]
//	  verbs: [get, list, watch, patch, delete]
//	- apiGroups: [groupsnapshot.storage.k8s.io] # where groups are used
//	  resources: [volumegroupsnapshots, volumegroupsnapshotcontents]
//	  verbs: [get, list, watch, patch, delete]
//	- apiGroups: [""] # what is being restored from
//	  resources: [persistentvolumeclaims]
//	  verbs: [list]
package prune
