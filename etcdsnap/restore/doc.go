// Package restore turns etcd snapshots into data directories that etcd starts from, and proves
// that it does.
//
// It differs from a plain "etcdutl snapshot restore" in what it does not leave to the user: the
// snapshot is verified before etcd's code sees any of it; the cluster token is fresh, so that a surviving
// old member can't mix with the new cluster; the revision is raised and all of the past marked
// compacted, always, so that every watch is told to list anew instead of missing what happened
// (etcd-io/etcd#16028, kubernetes/kubernetes#118501); and the directory appears whole or not at all.
//
//	result, err := restore.Restore(ctx, snapshot, restore.Member{
//		Name:    "cp1",
//		PeerURL: "https://10.0.0.11:2380",
//		DataDir: "/var/lib/etcd",
//	}, time.Since(taken))
//
// Etcd must not be running on the directory. The package makes the directory of one member,
// the first of a new cluster, which others join afterwards. It rests on etcdutl and etcd's own packages of
// version 3.7, and is a module of its own for their weight.
//
// Etcd's packages map the file, and a wrong length in it would end the process. They see only what
// [etcdsnap.Verify] has walked and found sound.
package restore
