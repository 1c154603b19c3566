// Package pair says whether a bundle of a node belongs to a snapshot of etcd: offline, and at backup time, when
// the right one can still be made.
//
//	snapshot, err := etcdsnap.Open(file, size)
//	...
//	results := pair.With(bundle, func(yield func(key, value []byte) bool) {
//		for kv, e := range snapshot.Range(ctx, "", 0) {
//			if err = e; err != nil || !yield(kv.Key, kv.Value) {
//				return
//			}
//		}
//	})
//	if err != nil {
//		return err // the snapshot was not read to its end: the results say nothing
//	}
//	for _, r := range results {
//		if r.State == pair.Mismatch {
//			return fmt.Errorf("%s: %s", r.Subject, r.Why)
//		}
//	}
//
// A cluster has its CAs, the key of its service accounts and its own addresses in objects that it keeps in etcd, so
// these are held against the files. What is encrypted at rest is decrypted, all of it, since one value that cannot be
// makes every list of its resource fail (KEP-3926). Take the bundle after the snapshot: keys are added to a
// configuration before they are used.
//
// It does not ask a KMS, judge the files by themselves (package check does), or look at more of the objects than
// it needs. No result holds a secret, and nothing of the snapshot is trusted.
package pair
