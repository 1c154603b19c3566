// Package nodebundle collects a node's files as a user of the library does: package kubeadm says which, package pkibundle reads
// them.
package nodebundle

import (
	"testing"

	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/pkibundle"
)

// Collect reads the node whose root is a directory. The bundle is cleared at the end of the test.
func Collect(t testing.TB, root string) *pkibundle.Bundle {
	t.Helper()
	node := kubeadm.NodeFS(root)
	declared, err := kubeadm.Read(node, kubeadm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := pkibundle.Collect(node, declared.Files, Programs(declared))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bundle.Clear)
	return bundle
}

// Programs hands on what the node's programs read.
func Programs(node *kubeadm.Node) (found []pkibundle.Program) {
	for _, p := range node.Programs {
		program := pkibundle.Program{Name: p.Name}
		for _, f := range p.Files {
			program.Files = append(program.Files, pkibundle.Reference{Flag: f.Source.Key, Path: f.Value})
		}
		for _, m := range p.Mounts {
			program.Mounts = append(program.Mounts, pkibundle.Mount(m))
		}
		found = append(found, program)
	}
	return found
}
