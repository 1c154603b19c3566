package volfreeze

import (
	"context"
	"slices"

	"github.com/clustersnap/clustersnap/volsnap"
)

// take cuts a volume that is written to: the copy is clean, and has each record that was acknowledged before the thaw.
func (s *scene) take() {
	v := s.volume("take")
	v.writer.more(100)
	freeze := v.hook(0)
	acked := 0
	plan, err := s.cluster.Plan(s.ctx, volsnap.Selection{Claims: []string{namespace + "/take"}}, volsnap.PlanOptions{})
	must(s, err)
	account, err := s.cluster.Take(s.ctx, plan, volsnap.TakeOptions{
		Run: "freeze",
		Quiesce: func(ctx context.Context, namespace, pod string) (func(context.Context) error, error) {
			thaw, err := freeze(ctx, namespace, pod)
			if err != nil {
				return nil, err
			}
			return func(ctx context.Context) error {
				acked = v.writer.count()
				return thaw(ctx)
			}, nil
		},
	})
	must(s, err)
	must(s, account.Complete(volsnap.ReasonEphemeral)) // of the pod's tools
	v.free()
	if acked < 100 || len(account.Volumes) != 2 {
		s.Fatalf("%d records before the thaw, and the account %+v", acked, account)
	}
	result := account.Volumes[slices.IndexFunc(account.Volumes, func(r volsnap.Result) bool { return r.Claim == v.name })]
	if len(result.Frozen) != 1 || result.Frozen[0].Pod != "take" || result.Frozen[0].For <= 0 {
		s.Errorf("frozen %+v", result.Frozen)
	}
	s.Logf("%d records, frozen for %v", acked, result.Frozen)
	checkCopy(s, s.bed.Drivers[0].SnapshotPath(result.Snapshot.Handle), acked)
}
