// Package usage says what fills an etcd: keys, bytes and revisions of each resource and namespace, the largest objects,
// and those that change most.
//
//	snap, err := etcdsnap.Open(file, size)
//	...
//	report, err := usage.Count(snap.Events(ctx, "", 0), usage.Options{Compacted: snap.CompactRevision()})
//	for _, r := range report.Resources {
//		fmt.Println(r.Resource, r.Keys, r.Bytes, r.RecordBytes-r.Bytes)
//	}
//
// What etcd keeps is more than what is there: each write stores the whole object once more, and the older ones stay
// until etcd is compacted, which kube-apiserver has it do every five minutes. An object of a few hundred bytes that is
// written every second can take more than one of a megabyte that nobody touches. So everything is counted twice: what
// is live, and all that is stored.
//
// It reads the events of a snapshot, once, and needs nothing else: no cluster, no rights, no type scheme, and no keys
// where values are encrypted at rest, of which only the kind and managedFields stay unknown. The events of a watch or
// the keys of a live etcd would do as well.
//
// It does not say what is wrong: which resource may be large is the reader's to know. Free pages and etcd's own
// overhead are not of any object, and so not in a report: etcdsnap's Content has them.
package usage
