// Package proofs holds dumps of a real cluster against its etcd: with faults of every kind, each of which has to be found
// and named, and nothing else.
package proofs
