// Package trees holds the tests of package manifests/tree that need a real API server or a disk of their own.
package trees
