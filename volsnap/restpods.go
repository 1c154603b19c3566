package volsnap

import (
	"cmp"
	"context"
	"slices"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// lookAtPods finds the pods again that are to be brought to rest: those of the plan may be gone by now, and others may write in
// their place.
func (t *taking) lookAtPods(ctx context.Context) error {
	if t.opts.Quiesce == nil {
		return nil
	}
	var places []string
	for _, j := range t.claims {
		places = append(places, j.result.Namespace)
	}
	pods, lacks, err := t.cluster.pods(ctx, Selection{Namespaces: slices.Compact(slices.Sorted(slices.Values(places)))})
	if err != nil {
		return err
	}
	unseen := map[string]bool{}
	for _, l := range lacks {
		unseen[l.Namespace] = true
		t.note("no right to list %s in namespace %s: the pods of the plan are brought to rest, whatever runs there by now",
			api.Pods.Resource, l.Namespace)
	}
	mounts := mountsOf(pods)
	for _, j := range t.inOrder() {
		v := &j.result.Volume
		now := mounts[v.Namespace+"/"+v.Claim]
		if unseen[v.Namespace] || slices.Equal(now, v.Pods) {
			continue
		}
		t.note("claim %s/%s is mounted by other pods than the plan says: by %s now, then by %s",
			v.Namespace, v.Claim, cmp.Or(some(now), "none"), cmp.Or(some(v.Pods), "none"))
		v.Pods = now
	}
	return nil
}
