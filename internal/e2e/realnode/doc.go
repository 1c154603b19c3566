// Package realnode tests the main job on a real control plane, with the command and with the library.
package realnode
