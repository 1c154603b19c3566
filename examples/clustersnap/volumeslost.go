package main

import (
	"context"
	"time"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/prune"
)

// lost gives what was pinned and has lost its VolumeSnapshot, mostly with its namespace; of a run, or of all. A plan to prune
// finds it, here one that keeps everything.
func (v *volumeFlags) lost(ctx context.Context, c *volsnap.Cluster, run string) ([]volsnap.Snapshot, error) {
	keep := func(series []volsnap.Snapshot) []bool {
		all := make([]bool, len(series))
		for i := range all {
			all[i] = true
		}
		return all
	}
	plan, err := prune.Prepare(ctx, c, keep, prune.Options{Namespaces: v.namespaces, Now: time.Now().UTC()})
	if err != nil {
		return nil, err
	}
	found := []volsnap.Snapshot{}
	for _, item := range plan.Items {
		for _, s := range item.Snapshots {
			if s.UID == "" && (run == "" || s.Run == run) {
				found = append(found, s)
			}
		}
	}
	return found, nil
}
