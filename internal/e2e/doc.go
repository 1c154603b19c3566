// Package e2e holds the library against the real world: stock programs, real etcd, faults. It is
// test code and a module of its own, so that what it needs is nobody else's requirement. It runs on Linux,
// as root: it mounts small file systems and gives up rights.
package e2e
