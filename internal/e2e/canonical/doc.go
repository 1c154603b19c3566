// Package canonical proves what the canonical form of manifests promises, on a real API server that has objects of every
// kind.
package canonical
