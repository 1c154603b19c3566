// Package dumps holds the tests of package manifests against a real API server: that a dump is of one instant, and that
// what it could not see is said.
package dumps
