// Package etcdsnap saves, verifies and reads etcd v3 snapshots.
//
// A snapshot is etcd's database file, as one read transaction sees it, followed by the SHA-256 of that file. [Save] and
// [SaveFile] choose a member and take it from there, [SaveStopped] takes it from the data directory of a member that does not
// run, [Verify] checks one that comes from anywhere, and [Open] reads the keys in one: at the latest revision, or at an older
// one that is not compacted. A [View] has the keys of one revision, each to be read again, and [Snapshot.Events] all that is
// stored, as a watch would have given it.
//
//	client, err := etcdsnap.Dial(ctx, endpoints, tlsConfig, etcdsnap.DialOptions{})
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	saved, err := etcdsnap.SaveFile(ctx, "etcd.snap", client, etcdsnap.Options{})
//
// All that saves or verifies checks everything, in one pass over a stream: the digest, which etcdctl
// does not compare on save (etcd-io/etcd#18340), the B+trees from the root bucket down, and each record. No
// byte of a snapshot is trusted, and none is mapped into memory or handed to bbolt or to etcd's server: a
// hostile one is an error.
//
// Bytes go through one [io.Writer], so that compression, encryption and progress compose from outside. A snapshot holds every
// Secret of a cluster: nothing is spooled here, and what SaveFile writes is for root alone.
//
// The package restores nothing: its sub-package does. Snapshots of big-endian machines are not understood.
//
// # Rights
//
// etcd gives a snapshot to any client when authentication is off, as it is under Kubernetes
// (there the client certificate is the whole protection), and to users of the root role when it is on
// (etcd-io/etcd#9554). Reading a member's file, beside its stream or alone, takes who may read it: root.
package etcdsnap
