// Package pkipairs pairs bundles of a real node with a snapshot of its real etcd.
package pkipairs
