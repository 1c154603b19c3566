package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/prune"
)

const volumesPruneHelp = `prune deletes snapshots that clustersnap has taken and that the --keep flags do
not keep, claim by claim. The storage's own snapshots go with them. Without
--yes nothing is deleted: the plan is printed.

Whatever the flags say, these stay: the last good one of a claim, members of a
group of which one stays, imported ones, what a pending claim is restored from.
Those that never became ready count for nothing. Older than --leftover they are
listed, and deleted with --leftovers. Safety snapshots of volumes restore
--in-place are no backups: they stay, whatever became of that restore, until
they are older than --safety.

Days, weeks, months and years are those of UTC.`

// pruning is what stays, and what is done about the rest.
type pruning struct {
	volumeFlags
	keep      clustersnap.Retention
	leftover  time.Duration
	leftovers bool
	safety    time.Duration
	inFlight  int
	yes       bool
}

func volumesPruneCommand() *cobra.Command {
	var p pruning
	cmd := &cobra.Command{
		Use:     "prune",
		Short:   "Delete old snapshots of volumes, never the last good one",
		Long:    volumesPruneHelp,
		Example: `  clustersnap volumes prune --keep-last 3 --keep-daily 14 --keep-monthly 6`,
		Args:    asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := p.check(); err != nil {
				return usageError{fmt.Errorf("volumes prune: %w", err)}
			}
			if err := p.prune(cmd.Context(), os.Stdout); err != nil {
				return fmt.Errorf("volumes prune: %w", err)
			}
			return nil
		},
	}
	p.flags(cmd)
	p.places(cmd)
	p.deadline(cmd)
	f := cmd.Flags()
	f.IntVar(&p.keep.Last, "keep-last", 0, "the last `N`; -1 is all, here and below")
	f.IntVar(&p.keep.Hourly, "keep-hourly", 0, "the newest one of `N` hours")
	f.IntVar(&p.keep.Daily, "keep-daily", 0, "the newest one of `N` days")
	f.IntVar(&p.keep.Weekly, "keep-weekly", 0, "the newest one of `N` weeks")
	f.IntVar(&p.keep.Monthly, "keep-monthly", 0, "the newest one of `N` months")
	f.IntVar(&p.keep.Yearly, "keep-yearly", 0, "the newest one of `N` years")
	f.DurationVar(&p.leftover, "leftover", 24*time.Hour, "how `OLD` a leftover is")
	f.BoolVar(&p.leftovers, "leftovers", false, "delete what never became ready, too")
	f.DurationVar(&p.safety, "safety", 0, "how `OLD` a safety snapshot may be; 0 is for ever")
	f.IntVar(&p.inFlight, "in-flight", 0, "how many go at once; 0 is 4")
	f.BoolVar(&p.yes, "yes", false, "delete; without it only the plan is printed")
	return cmd
}

func (p *pruning) prune(ctx context.Context, out io.Writer) error {
	cluster, err := p.cluster()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	now := time.Now().UTC()
	plan, err := prune.Prepare(ctx, cluster, func(series []volsnap.Snapshot) []bool {
		return clustersnap.Keep(series, func(s volsnap.Snapshot) time.Time { return s.Cut }, p.keep, now)
	}, prune.Options{Namespaces: p.namespaces, Now: now, Leftover: p.leftover, Safety: p.safety})
	if err != nil {
		return err
	}
	var found []volsnap.Snapshot
	for _, item := range plan.Items {
		found = append(found, item.Snapshots...)
	}
	if err := p.checkPlaces(ctx, cluster, found); err != nil {
		return err
	}
	if !p.as.machine() {
		p.plan(steps{out}, plan)
	}
	if !p.yes {
		if p.as.machine() {
			return p.as.value(out, plan)
		}
		steps{out}.line("good", "nothing was deleted: add --yes")
		return nil
	}
	opts := prune.RunOptions{Leftovers: p.leftovers, InFlight: p.inFlight}
	if !p.as.machine() {
		opts.Each = func(o prune.Outcome) {
			steps{out}.line(string(o.State), strings.TrimPrefix(o.Item.String(), string(o.Do)+" "))
		}
	}
	report, err := prune.Run(ctx, cluster, plan, opts)
	if err != nil {
		return err
	}
	if p.as.machine() {
		return errors.Join(p.as.value(out, report), report.Err())
	}
	if err := report.Err(); err != nil {
		return err
	}
	steps{out}.line("good", fmt.Sprintf("%d deleted, and seen gone", len(report.Outcomes)))
	return nil
}

// plan prints each item, and how many of each kind there are.
func (p *pruning) plan(out steps, plan *prune.Plan) {
	counts := map[prune.Action]int{}
	for _, item := range plan.Items {
		counts[item.Do]++
		action, rest, _ := strings.Cut(item.String(), " ")
		out.line(action, rest)
	}
	out.line("plan", fmt.Sprintf("%d to delete, %d to keep, %s",
		counts[prune.Delete], counts[prune.Keep], count(counts[prune.Leftover], "leftover")))
}
