// Package embeds holds the tests of the operator in examples/embed: it runs against a real API server with the rights of its
// own YAML, and what clustersnap brings to the versions of such an operator is on a list.
package embeds
