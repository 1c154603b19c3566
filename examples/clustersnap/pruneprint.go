package main

import (
	"fmt"

	"github.com/clustersnap/clustersnap/examples/store"
)

// deletes is how many things a plan deletes.
func deletes(plan store.Plan) int {
	n := len(plan.Leftovers)
	for _, d := range plan.Sets {
		if d.Delete {
			n++
		}
	}
	return n
}

func printPruning(out steps, plan store.Plan) {
	for _, d := range plan.Sets {
		action := "keep"
		if d.Delete {
			action = "delete"
		}
		out.line(action, fmt.Sprintf("%s: %s", d.Set, d.Why))
	}
	for _, l := range plan.Leftovers {
		out.line("delete", describeLeftover(l))
	}
	for _, l := range plan.Young {
		out.line("leave", describeLeftover(l)+": perhaps under way")
	}
	for _, l := range plan.Unasked {
		out.line("leave", describeLeftover(l)+": perhaps a whole backup: --without-receipt deletes it")
	}
	gone := deletes(plan) - len(plan.Leftovers)
	out.line("plan", fmt.Sprintf("%d to delete, %d to keep, %s to take away",
		gone, len(plan.Sets)-gone, count(len(plan.Leftovers), "leftover")))
}
