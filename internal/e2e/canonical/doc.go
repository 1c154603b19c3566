// Package canonical proves what the canonical form of manifests promises, on a real API server full of objects of every kind.
package canonical
