// Package bolttest lays out databases of go.etcd.io/bbolt, and those of etcd among them, from a description. It is for
// tests: they say how records are spread over pages, and damage pages before the digest is made.
//
//	db := bolttest.Layout{PerLeaf: 3}.Make(bolttest.Bucket{Name: "key", Items: items})
//	bolttest.SetCount(db.Page(db.Leaves["key"][1]), 0)
//	snapshot := db.Snapshot()
//
// It shares no code with what reads them.
package bolttest
