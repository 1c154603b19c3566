// Package manifests lists every object of a cluster as it was at one instant, and gives each in a canonical form.
package manifests
