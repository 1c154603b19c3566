// Package restore turns etcd snapshots into data directories that etcd starts from, and proves
// that it does.
//
// It differs from a plain "etcdutl snapshot restore" in what it does not leave to the user: the
// snapshot is verified before etcd's code sees any of it; the cluster token is fresh, so that a surviving
// old member can't mix with the new cluster; the revision is raised and all of the past marked
// compacted, so that every watch is told to list anew instead of missing what happened
// (etcd-io/etcd#16028, kubernetes/kubernetes#118501); alarms, a pending downgrade and the old members are left
// behind; and the directories of all members appear whole or not at all, also in the place of old ones.
//
//	result, err := restore.Restore(ctx, snapshot, []restore.Member{{
//		Name:     "cp1",
//		PeerURLs: []string{"https://10.0.0.11:2380"},
//		DataDir:  "/var/lib/etcd",
//	}}, time.Since(taken), restore.Options{})
//
// Etcd must not be running on the directory. A cluster of one is what others join afterwards, as kubeadm does it; several members
// are made by one call, or by one on each node that share a token and the snapshot.
//
// [Prove] boots etcd, the linked one or any program, on a copy that goes again, and holds every key against the snapshot.
//
// The package rests on etcd's own packages of version 3.7 for the log, and is a module of its own for their weight. What it writes,
// etcd 3.5, 3.6 and 3.7 start from. Etcd's packages map the database, and a wrong length in it would end the process: they see only
// what [etcdsnap.Verify] has walked and found sound.
package restore
