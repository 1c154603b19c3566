package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/handover"
)

const (
	accountMember = "account.json" // volsnap.Account, or the volsnap.Plan where no snapshots were asked for
	volumesMember = "volumes.json" // records of snapshots, see package handover
)

// volumeWish is what a backup is to do with volumes.
type volumeWish struct {
	taking
	which string // "all", labels of claims, or nothing
}

func (v *volumeWish) flags(cmd *cobra.Command) {
	v.hooks, v.inFlight = "none", 1
	f := cmd.Flags()
	f.StringVar(&v.which, "volumes", "", "snapshots of `WHICH` volumes: all, or those of claims\nwith these labels, such as app=db")
	f.StringVar(&v.hooks, "hooks", "none", "velero: `WHAT` pods ask for while volumes are cut")
	f.StringSliceVar(&v.accept, "accept", nil, "let `REASON`s for no snapshot pass, such as hostPath")
	f.DurationVar(&v.timeout, "volumes-timeout", 30*time.Minute, "how `LONG` snapshots of volumes may take")
}

func (v *volumeWish) check() error {
	if v.which == "" && (v.hooks != "none" || len(v.accept) > 0) {
		return errors.New("--hooks and --accept are for snapshots of volumes: give --volumes WHICH")
	}
	if v.timeout <= 0 {
		return errors.New("--volumes-timeout must be more than 0")
	}
	if v.selector = v.which; v.which == "all" {
		v.selector = ""
	}
	return v.taking.check(nil)
}

// cutVolumes takes the snapshots that are asked for, and in any case finds out which volumes this backup does not have.
func (b *backing) cutVolumes(ctx context.Context) {
	err := b.step("volumes", func(progress) (string, error) {
		cluster, err := volsnap.NewCluster(b.api.Config)
		if err != nil {
			return "", err
		}
		plan, err := cluster.Plan(ctx, volsnap.Selection{Labels: b.volumes.selector}, b.volumes.planOptions())
		if err != nil {
			return "", err
		}
		if b.volumes.which == "" {
			b.leaveVolumes(plan)
			return count(len(plan.Volumes), "volume") + ", of which no snapshots were asked for", b.add(accountMember, plan)
		}
		return b.takeVolumes(ctx, cluster, plan)
	})
	if err != nil {
		b.lacks("volumes: " + err.Error())
	}
}

func (b *backing) takeVolumes(ctx context.Context, cluster *volsnap.Cluster, plan *volsnap.Plan) (string, error) {
	v := &b.volumes
	unseen := func(l volsnap.Lack) bool { return l.Verb == "list" }
	if v.which == "all" && len(plan.Volumes) == 0 && !slices.ContainsFunc(plan.Missing, unseen) {
		return "there are none", b.add(accountMember, plan)
	}
	if len(plan.Volumes) == 0 {
		return "", fmt.Errorf("nothing is selected: there is no claim, and no volume of a pod, that --volumes %s stands for", v.which)
	}
	if err := v.checkPlan(plan); err != nil {
		return "", err
	}
	limited, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	account, err := cluster.Take(limited, plan, volsnap.TakeOptions{
		Run: b.now.UTC().Format("20060102-150405"), InFlight: v.inFlight, Quiesce: v.quiesce(cluster, plan),
	})
	if err != nil {
		return "", err
	}
	taken := b.account(account)
	records, lost := handover.Export(ctx, cluster, taken)
	if lost != nil {
		b.lacks("records of volumes: " + lost.Error())
	}
	if err := account.Complete(v.reasons()...); err != nil {
		b.lacks("volumes: " + err.Error())
	}
	figure := fmt.Sprintf("%s of %s in run %s", count(len(taken), "snapshot"), count(len(account.Volumes), "volume"), account.Run)
	return figure, errors.Join(b.add(accountMember, account), b.set.Add(volumesMember, nil, func(w io.Writer) error {
		return handover.Write(w, records)
	}))
}

// account counts what became of the volumes, and gives the snapshots that were taken.
func (b *backing) account(account *volsnap.Account) (taken []volsnap.Snapshot) {
	for _, r := range account.Volumes {
		b.result.Volumes[string(r.Outcome)]++
		if r.Outcome == volsnap.Snapshotted && r.Snapshot != nil {
			taken = append(taken, *r.Snapshot)
			continue
		}
		b.leaveVolume(r.Volume, r.Error)
	}
	return taken
}

// leaveVolumes notes what is not in this backup, since nobody has asked for it.
func (b *backing) leaveVolumes(plan *volsnap.Plan) {
	for _, v := range plan.Volumes {
		b.result.Volumes["left"]++
		b.leaveVolume(v, v.Detail)
	}
}

func (b *backing) leaveVolume(v volsnap.Volume, why string) {
	what := unsaved{What: "volume", Namespace: v.Namespace, Name: v.Claim, Why: why}
	if v.Claim == "" {
		what.What, what.Name = "data on a node", v.PodVolume
	}
	if what.Why == "" {
		what.Why = "no snapshot was asked for"
	}
	b.result.NotSaved = append(b.result.NotSaved, what)
}

// add adds a value as JSON.
func (b *backing) add(name string, value any) error {
	return b.set.Add(name, nil, func(w io.Writer) error { return json.NewEncoder(w).Encode(value) })
}
