// Package history tells what a snapshot of etcd still has of one object: each version, its deletion, and that it was created
// again.
//
//	key := storage.EtcdKey(manifests.Key{Resource: "configmaps", Namespace: "shop", Name: "settings"}, "")
//	for v, err := range history.Of(ctx, decoder, snapshot, key) { // of packages storage and etcdsnap
//		if err != nil {
//			return err
//		}
//		fmt.Println(v.Revision, v.Step)
//	}
//
// Two neighbours are compared by Objects of package manifests/diff. A whole snapshot as it was at an older revision is a View
// of package etcdsnap, and a side of a comparison by package storage.
//
// # What it does not do
//
// It brings nothing back: see package manifests/apply. What etcd has forgotten, nobody has: that is most of what is older than
// five minutes.
//
// # Rights
//
// None: it talks to nobody. But whoever has a snapshot of etcd and the EncryptionConfiguration has every Secret, and those that
// were deleted a few minutes before.
package history
