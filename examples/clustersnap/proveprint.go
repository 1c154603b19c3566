package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/clustersnap/clustersnap/manifests/storage/proof"
)

// shown is how many findings of a kind are printed that are explained. JSON has them all.
const shown = 8

func showProof(out io.Writer, p *proof.Proof, as output) error {
	if as.machine() {
		if err := as.value(out, p); err != nil {
			return err
		}
	} else {
		printProof(steps{out}, p)
	}
	if p.Complete() {
		return nil
	}
	return fmt.Errorf("not everything is saved: %d unsaved, %d differ, %d that etcd does not have, %d that can't be told%s",
		p.Counts[proof.Unsaved], p.Counts[proof.Differs], p.Counts[proof.Unstored], p.Counts[proof.Unchecked], doubt(p))
}

// doubt asks whether the two sides belong together, if nothing is the same in both.
func doubt(p *proof.Proof) string {
	switch {
	case p.Matched > 0:
		return ""
	case p.Strength == proof.APIOnly:
		return "; nothing of the dump is there unchanged: is the kubeconfig of the same cluster?"
	case p.Strength == proof.Weaker:
		return "; nothing of the dump is in etcd unchanged: is the snapshot of the same cluster, from soon after the dump, " +
			"and --etcd-prefix right?"
	default:
		return "; nothing of the dump is in etcd: is the snapshot of the same cluster, and --etcd-prefix right?"
	}
}

// spoils reports whether a finding makes a proof incomplete.
func spoils(k proof.Kind) bool {
	return k == proof.Unsaved || k == proof.Differs || k == proof.Unstored || k == proof.Unchecked
}

func printProof(out steps, p *proof.Proof) {
	printed := map[proof.Kind]int{}
	for _, f := range p.Findings {
		printed[f.Is]++
		if spoils(f.Is) || printed[f.Is] <= shown {
			out.line(string(f.Is), strings.TrimPrefix(f.String(), string(f.Is)+": "))
		} else if printed[f.Is] == shown+1 {
			out.line(string(f.Is), "... and more: see -o json")
		}
	}
	if p.Unlisted > 0 {
		out.line("note", count(p.Unlisted, "finding")+" besides are only counted")
	}
	for _, b := range p.Blind {
		out.line("blind", b)
	}
	out.line("proof", p.String())
	if p.Complete() {
		out.line("good", "all that was stored is in the dump, or was left out on purpose")
	}
}
