// Package datamaker fills an etcd, or an API server, with what a cluster has: objects of the usual kinds in
// the usual sizes, many of them small and a few very large.
//
//	filled, err := datamaker.FillEtcd(ctx, client, datamaker.Spec{Size: 1 << 30})
//
// [FillEtcd] writes to etcd what kube-apiserver would have written: protobuf in storage encoding, with updates, deletes,
// leases and compactions, so that the database has old revisions and free pages. It is fast, and needs no Kubernetes.
// [FillAPI] creates objects through an API server, which does with them what it does with everybody's.
//
// The objects fit no real cluster: nothing owns them and no controller should see those of FillEtcd.
package datamaker
