package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/examples/store"
)

const pruneHelp = `prune deletes sets in a store that the --keep flags do not keep, for each node
of each cluster by itself, and what uploads have left that did not come to
their end: parts and temporary files. It needs no identity. Without --yes
nothing is deleted: the plan is printed.

Whatever the flags say, these stay: the last verified set of a node, sets that
--to asked to be locked, until then, and those that were not verified, unless
--unverified is given and a later one was. Other locks of a bucket are not seen.
Without a --keep flag all sets stay.

A set without a receipt is what an upload has left, or a whole backup: one to a
FILE has no receipt, and neither has a copy until its receipt is copied, too.
Such sets go with --without-receipt only: look at "clustersnap list" first.

Where a bucket keeps versions, as object lock wants it, what is deleted goes on
being paid for until a rule of the bucket ends old versions.

Days, weeks, months and years are those of UTC.`

// setPruning is what stays in a store, and whether the rest goes.
type setPruning struct {
	policy store.Policy
	yes    bool
	as     output
}

func pruneCommand() *cobra.Command {
	var p setPruning
	cmd := &cobra.Command{
		Use:     "prune URL",
		Short:   "Delete old sets in a store, never the last good one",
		Long:    pruneHelp,
		Example: `  clustersnap prune file:///mnt/nfs/sets/ --keep-daily 14 --keep-monthly 6`,
		Args:    asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !store.IsURL(args[0]) {
				return usageError{fmt.Errorf("prune: %s is no URL: give file:///DIR/ for a folder", args[0])}
			}
			if p.policy.Leftover < time.Hour {
				return usageError{errors.New("prune: --leftover must be 1h or more: what is younger may be an upload under way")}
			}
			if err := p.prune(cmd.Context(), cmd.OutOrStdout(), args[0], time.Now().UTC()); err != nil {
				return fmt.Errorf("prune: %w", err)
			}
			return nil
		},
	}
	f, keep := cmd.Flags(), &p.policy.Keep
	f.IntVar(&keep.Last, "keep-last", 0, "the last `N`; -1 is all, here and below")
	f.IntVar(&keep.Hourly, "keep-hourly", 0, "the newest one of `N` hours")
	f.IntVar(&keep.Daily, "keep-daily", 0, "the newest one of `N` days")
	f.IntVar(&keep.Weekly, "keep-weekly", 0, "the newest one of `N` weeks")
	f.IntVar(&keep.Monthly, "keep-monthly", 0, "the newest one of `N` months")
	f.IntVar(&keep.Yearly, "keep-yearly", 0, "the newest one of `N` years")
	f.BoolVar(&p.policy.Unverified, "unverified", false, "sets that were not verified, too")
	f.BoolVar(&p.policy.WithoutReceipt, "without-receipt", false, "sets that have no receipt, too, as old as --leftover")
	f.DurationVar(&p.policy.Leftover, "leftover", 24*time.Hour, "how `OLD` a leftover is that goes")
	f.BoolVar(&p.yes, "yes", false, "delete; without it only the plan is printed")
	p.as.flag(cmd)
	return cmd
}

func (p *setPruning) prune(ctx context.Context, out io.Writer, url string, now time.Time) error {
	in, err := openStore(ctx, url)
	if err != nil {
		return err
	}
	defer in.Close()
	if in.Set() != "" {
		return usageError{fmt.Errorf("prune: %s names a set: give its folder", url)}
	}
	found, err := in.List(ctx)
	if err != nil {
		return err
	}
	plan := p.policy.Decide(found, now)
	if p.as.machine() {
		err = p.as.value(out, struct {
			store.Plan
			Broken []store.Broken `json:"broken,omitempty"`
		}{plan, found.Broken})
	} else {
		printPruning(steps{out}, plan)
	}
	if err != nil {
		return err
	}
	if p.yes {
		err = p.delete(ctx, in, plan)
	}
	for _, b := range found.Broken { // it may be the last good one, damaged: somebody has to look
		err = errors.Join(err, fmt.Errorf("%s was left alone: %s", b.Set, b.Why))
	}
	switch {
	case err != nil || p.as.machine():
		return err
	case !p.yes && deletes(plan) > 0:
		steps{out}.line("good", "nothing was deleted: add --yes")
	default:
		steps{out}.line("good", "done")
	}
	return nil
}

// delete carries out a plan. It goes on after an error, unless nothing could be done any more.
func (p *setPruning) delete(ctx context.Context, in *store.Store, plan store.Plan) (errs error) {
	over := func(err error) bool { return ctx.Err() != nil || errors.Is(err, store.ErrStalled) }
	for _, d := range plan.Sets {
		if !d.Delete {
			continue
		}
		err := in.Delete(ctx, d.Set)
		if errs = errors.Join(errs, err); over(err) {
			return errs
		}
	}
	for _, l := range plan.Leftovers {
		err := in.Sweep(ctx, l)
		if errs = errors.Join(errs, err); over(err) {
			return errs
		}
	}
	return errs
}
