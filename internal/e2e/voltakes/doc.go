// Package voltakes holds what volsnap takes against a real CSI stack: runs that are killed, groups, few rights, volumes that
// can't be snapshotted, and how long pods are at rest.
package voltakes
