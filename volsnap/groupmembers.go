package volsnap

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// followMembers has the members of a unit's groups looked for until ctx ends, which the unit waits for. Those that come late
// are found without the slot of the driver. A search that fails is the failure of the jobs whose members are not found yet.
func (t *taking) followMembers(ctx context.Context, u *unit) {
	for _, g := range groupsOf(u) {
		if !g.cut {
			continue
		}
		u.members.Go(func() {
			if err := t.findMembers(ctx, g); ctx.Err() == nil {
				t.mu.Lock()
				g.lost = err
				t.mu.Unlock()
				u.wake()
			}
		})
	}
}

// findMembers learns which snapshots the controller makes for a group, and what becomes of them. They have names of the
// controller's and no label of ours; their claim says which is which (8.2 and newer).
func (t *taking) findMembers(ctx context.Context, g *group) error {
	each := func(s *api.Snapshot, deleted bool) (bool, error) {
		j := t.memberOf(g, s)
		if j == nil {
			return false, nil
		}
		t.adoptMember(j, s)
		if _, err := t.seeSnapshot(s, deleted); err != nil || deleted {
			return false, err
		}
		return false, t.findContent(ctx, j, s)
	}
	if err := api.Watch(ctx, t.cluster.dynamic, api.Snapshots, g.namespace, "", "", each); err != nil {
		return fmt.Errorf("find the members of group snapshot %s/%s: %w", g.namespace, g.name, err)
	}
	return nil
}

// lookForMember fails a job that its group has no member for, and will have none.
func (t *taking) lookForMember(j *job) {
	g := j.group
	if g == nil || !g.cut {
		return
	}
	t.mu.Lock()
	lost := g.lost
	t.mu.Unlock()
	switch {
	case len(g.volumes) > 0 && !slices.Contains(g.volumes, j.result.Handle):
		j.fail(CauseOtherVolume, fmt.Errorf("group snapshot %s was cut without its volume: take it with another id", g.name))
	case lost != nil:
		j.fail(CauseControllerWorking, lost)
	}
}

// missMembers fails the jobs whose group is cut and whose members did not come in time.
func (t *taking) missMembers(ctx context.Context, u *unit) {
	for _, j := range u.jobs {
		if s, _, _ := t.state(j); s == nil && j.group != nil && j.group.cut && !j.failed {
			j.fail(CauseControllerWorking, fmt.Errorf("group snapshot %s is cut, and the snapshot-controller had made no snapshot "+
				"of this member when the time was over: %w", j.group.name, context.Cause(ctx)))
		}
	}
}

// memberOf gives the job of a snapshot that belongs to a group, nil for others.
func (t *taking) memberOf(g *group, s *api.Snapshot) *job {
	if ownerGroup(s) != g.snapshot.UID {
		return nil
	}
	j := t.jobOf(g.namespace, value(s.Spec.Source.Claim))
	if j == nil || j.group != g {
		return nil
	}
	return j
}

// jobOf is the job of a claim, nil if there is none.
func (t *taking) jobOf(namespace, claim string) *job {
	return t.claims[namespace+"/"+claim]
}

// adoptMember has the watches of the run tell of a member as of every other snapshot.
func (t *taking) adoptMember(j *job, s *api.Snapshot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.jobs[s.Namespace+"/"+s.Name] = j
}

// findContent reads the content of a member whose changes may have passed before it was known.
func (t *taking) findContent(ctx context.Context, j *job, s *api.Snapshot) error {
	if _, c, _ := t.state(j); t.noContents || contentCut(c) || s.Status == nil || s.Status.Content == nil {
		return nil
	}
	c, err := t.cluster.contentOf(ctx, s)
	if apierrors.IsForbidden(err) {
		for c, err := range api.List[api.Content](ctx, t.cluster.dynamic, api.Contents, "", "") {
			if err != nil {
				return err
			}
			t.readContent(c) // of others it takes none
		}
		return nil
	}
	if err != nil || c == nil {
		return err
	}
	t.readContent(c)
	return nil
}

// markMembers puts the label of the run and the name of the claim on what the controller made, so that it is found again.
func (t *taking) markMembers(ctx context.Context, u *unit) {
	for _, j := range u.jobs {
		s, _, _ := t.state(j)
		if s == nil || j.group == nil || j.failed || j.marked || s.Labels[api.LabelRun] == t.opts.Run {
			continue
		}
		err := t.patch(ctx, api.Snapshots, s.Namespace, s.Name, map[string]any{"metadata": map[string]any{
			"uid": s.UID, "labels": map[string]string{api.LabelRun: t.opts.Run},
			"annotations": map[string]string{api.AnnotationClaim: j.result.Claim},
		}})
		if err != nil {
			j.lack("it does not have the label of the run: %v", err)
		}
		j.marked = err == nil
	}
}

// pinGroups keeps the contents of groups as those of their members are kept, also of groups that an earlier call has cut: a
// group that goes takes what its members have in the storage with it.
func (t *taking) pinGroups(ctx context.Context, u *unit) {
	if t.opts.Unpinned || t.noContents {
		return
	}
	for _, j := range u.jobs {
		s, _, _ := t.state(j)
		if s == nil || j.failed || j.groupTried || ownerGroup(s) == "" {
			continue
		}
		uid := ownerGroup(s)
		err, tried := u.pinned[uid]
		if !tried {
			err = t.pinGroup(ctx, uid)
			u.pinned[uid] = err
		}
		if j.groupTried, j.groupLoose = true, err != nil; err != nil {
			j.lack("the content of its group is not pinned, so it goes when its namespace is deleted: %v", err)
		}
	}
}

func (t *taking) pinGroup(ctx context.Context, uid types.UID) error {
	if t.plan.Groups == "" {
		return errors.New("the plan does not say at what version groups are served: plan again")
	}
	return t.patch(ctx, api.InGroups(t.plan.Groups, api.GroupContents), "", groupContentName(uid), map[string]any{
		"metadata": map[string]any{"labels": map[string]string{api.LabelRun: t.opts.Run}},
		"spec":     map[string]any{"deletionPolicy": api.Retain},
	})
}

// ownerGroup is the uid of the VolumeGroupSnapshot that a snapshot is a member of, "" if of none.
func ownerGroup(s *api.Snapshot) types.UID {
	for _, o := range s.OwnerReferences {
		if o.Kind == "VolumeGroupSnapshot" {
			return o.UID
		}
	}
	return ""
}
