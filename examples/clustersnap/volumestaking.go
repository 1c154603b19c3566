package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/clustersnap/clustersnap/volsnap"
)

func (t *taking) take(ctx context.Context, out io.Writer, claims []string) error {
	cluster, err := t.cluster()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	of := volsnap.Selection{Namespaces: t.namespaces, Labels: t.selector, Claims: claims}
	plan, err := cluster.Plan(ctx, of, t.planOptions())
	if apierrors.IsNotFound(err) { // what -n or an argument names
		return fmt.Errorf("%w: look at how it is written", err)
	}
	if err != nil {
		return err
	}
	switch {
	case t.dryRun && t.as.machine():
		err = t.as.value(out, plan)
	case !t.as.machine():
		err = plan.WriteText(out)
	}
	if err != nil {
		return err
	}
	if err := errors.Join(t.checkPlan(plan), t.checkGroups(plan), t.checkFreeze(ctx, cluster, plan)); err != nil {
		return err
	}
	if t.dryRun {
		if !t.as.machine() {
			steps{out}.line("good", "nothing was taken: leave --dry-run out")
		}
		return nil
	}
	return t.takePlanned(ctx, out, cluster, plan)
}

// planOptions are those that were asked for.
func (t *taking) planOptions() volsnap.PlanOptions {
	opts := volsnap.PlanOptions{Class: t.class, Velero: t.velero, Exec: t.hooks != "none" || t.freeze != ""}
	if t.migrated {
		opts.Migrated = inTree
	}
	return opts
}

// takePlanned takes, and accounts for it.
func (t *taking) takePlanned(ctx context.Context, out io.Writer, cluster *volsnap.Cluster, plan *volsnap.Plan) error {
	if t.records != "" {
		to, err := openTarget(t.records)
		if err != nil {
			return fmt.Errorf("--records: nothing was taken: %w", err)
		}
		defer to.done()
		t.to = to
	}
	opts := volsnap.TakeOptions{
		Run: cmp.Or(t.run, time.Now().UTC().Format("20060102-150405")), InFlight: t.inFlight, Ready: t.ready,
		Quiesce: t.quiesce(cluster, plan),
	}
	if t.groupBy != "" {
		opts.Group = func(v volsnap.Volume) string { return v.Labels[t.groupBy] }
	}
	if t.ownWay != "" {
		opts.Own = ownWay(t.ownWay)
	}
	if !t.as.machine() {
		opts.Each = func(r volsnap.Result) { printResult(steps{out}, r) }
	}
	account, err := cluster.Take(ctx, plan, opts)
	if err != nil {
		return err
	}
	return errors.Join(t.conclude(ctx, out, cluster, account), t.judge(out, account))
}
