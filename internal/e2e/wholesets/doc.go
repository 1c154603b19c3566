// Package wholesets backs up a real control plane with everything that a backup has: volumes, objects, etcd, files, and the
// proofs of them; looks at what is in the set; and spoils it in each way that a backup has to tell.
package wholesets
