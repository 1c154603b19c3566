package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/clustersnap/clustersnap/volsnap"
)

// conclude prints what is left to be said, and writes the records.
func (t *taking) conclude(ctx context.Context, out io.Writer, c *volsnap.Cluster, account *volsnap.Account) error {
	taken, recorded := 0, []volsnap.Snapshot{}
	for _, r := range account.Volumes {
		if r.Outcome != volsnap.Snapshotted || r.Snapshot == nil {
			continue
		}
		if taken++; r.Reason == "" { // another cluster can't use what a storage has taken in its own way
			recorded = append(recorded, *r.Snapshot)
		}
	}
	if t.as.machine() {
		if err := t.as.value(out, account); err != nil {
			return err
		}
	} else {
		for _, note := range account.Notes {
			steps{out}.line("note", note)
		}
		text := fmt.Sprintf("%s: %s of %s", account.Run, count(taken, "snapshot"), count(len(account.Volumes), "volume"))
		if taken > 1 {
			text += fmt.Sprintf(", cut within %v of each other", account.Spread.Round(time.Millisecond))
		}
		steps{out}.line("run", text)
	}
	if t.to == nil {
		return nil
	}
	// What was taken is written down, also if the time is over or somebody has ended the run.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordsLimit)
	defer cancel()
	return writeRecords(ctx, c, recorded, t.to)
}

// recordsLimit is how long the records of a run may take that has no time left.
const recordsLimit = 2 * time.Minute

// judge says whether all is as it was asked for.
func (t *taking) judge(out io.Writer, account *volsnap.Account) error {
	text := out
	if t.as.machine() {
		text = os.Stderr
	}
	awake, err := t.unrested(text, account)
	if err = errors.Join(err, account.Complete(t.reasons()...)); err != nil || t.as.machine() {
		return err
	}
	if awake > 0 {
		steps{out}.line("run", fmt.Sprintf("%s: each volume has its snapshot, or may do without, but %d with pods that were awake",
			account.Run, awake))
		return nil
	}
	steps{out}.line("good", "each volume has its snapshot, or may do without: run "+account.Run)
	return nil
}

func (t *taking) reasons() []volsnap.Reason {
	var all []volsnap.Reason
	for _, r := range t.accept {
		all = append(all, volsnap.Reason(r))
	}
	return all
}

// printResult prints what became of a volume.
func printResult(out steps, r volsnap.Result) {
	name := r.Namespace + "/" + cmp.Or(r.Claim, r.PodVolume)
	switch r.Outcome {
	case volsnap.Snapshotted:
		text := name
		if r.Snapshot != nil {
			text += ": " + cmp.Or(r.Snapshot.Name, r.Snapshot.Handle) + ", " + stateOf(*r.Snapshot)
		}
		for _, f := range r.Frozen {
			text += fmt.Sprintf("; pod %s was at rest for %v", f.Pod, f.For.Round(time.Millisecond))
		}
		out.line("taken", strings.Join(append([]string{text}, r.Lacking...), "; "))
	case volsnap.Failed:
		out.line("failed", fmt.Sprintf("%s: %s: %s", name, r.Cause, r.Error))
	}
}
