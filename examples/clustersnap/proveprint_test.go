package main

import (
	"io"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/manifests/storage/proof"
)

// Where nothing matched, the counts are told nevertheless, and what is asked is of the sides that there are.
func TestNothingMatches(t *testing.T) {
	for strength, asks := range map[proof.Strength]string{
		proof.Exact: "--etcd-prefix right?", proof.Weaker: "from soon after the dump", proof.APIOnly: "is the kubeconfig",
	} {
		p := &proof.Proof{Strength: strength, Counts: map[proof.Kind]int{proof.Unsaved: 3}}
		err := showProof(io.Discard, p, output{form: "json"})
		if err == nil || !strings.Contains(err.Error(), "3 unsaved") || !strings.Contains(err.Error(), asks) {
			t.Errorf("%s: %v", strength, err)
		}
	}
}
