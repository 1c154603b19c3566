// Package etcdsnap saves and verifies etcd v3 snapshots as streams.
//
// A snapshot is etcd's database file, as one read transaction sees it, followed by the SHA-256 of
// that file. [Save] reads it from a live member, and [Verify] from anywhere. Both compare the
// digest, which etcdctl does not do on save (etcd-io/etcd#18340), and hold the length and the
// first meta page against each other, so that a snapshot which is cut short is known as such at once.
//
//	client, err := etcdsnap.Dial(ctx, "https://127.0.0.1:2379", tlsConfig)
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	saved, err := etcdsnap.Save(ctx, dst, client, etcdsnap.Options{})
//
// The package does not walk the database's tree and does not choose among members yet: it saves
// from the one endpoint that the client has. It never touches the member's files. Snapshots of
// big-endian machines are not understood.
//
// # Rights
//
// etcd gives a snapshot to any client when authentication is off, as it is under Kubernetes
// (there the client certificate is the whole protection), and to users of the root role when it is on
// (etcd-io/etcd#9554).
package etcdsnap
