// Package diffs holds package manifests/diff against a real API server, and against kubectl diff.
package diffs
