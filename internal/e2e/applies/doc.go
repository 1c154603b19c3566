// Package applies holds the tests of package manifests/apply against a real API server and its controllers: what is deleted
// comes back, and nothing else moves.
package applies
