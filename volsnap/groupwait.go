package volsnap

import (
	"context"
	"errors"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// silentShare is the part of CutLimit after which a content that no sidecar has looked at is given up: nothing ever says that
// a driver takes no groups, and pods rest meanwhile.
const silentShare = 4

// errSilent is why a group of a driver is not begun any more.
var errSilent = errors.New("no csi-snapshotter has looked at a group of its driver: does the driver take groups?")

// errHopeless is why a group is not waited for.
var errHopeless = errors.New("it can't be cut")

// awaitGroup waits until a group is cut, which its content says long before the group does, or one of the two says that it
// can't be.
func (t *taking) awaitGroup(ctx context.Context, g *group) error {
	uid := g.snapshot.UID
	ctx, stop := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer stop(nil)
	watching.Go(func() {
		if err := t.watchGroup(ctx, g, uid); err != nil && ctx.Err() == nil {
			stop(err)
		}
	})
	last, err := t.awaitContent(ctx, uid)
	switch {
	case err == nil:
		g.volumes = last.Spec.Source.Volumes
		return nil
	case apierrors.IsForbidden(err):
		t.note("no right to read volumegroupsnapshotcontents: the cut of a group is seen on the group, so pods rest longer")
		return t.awaitGroupBlind(ctx, g)
	case errors.Is(err, errSilent):
		t.setGroupless(g.driver)
		return err
	case errors.Is(err, errHopeless):
		return err
	}
	return t.explainGroup(ctx, g, err)
}

// explainGroup adds to why a group is not waited for any longer what keeps it.
func (t *taking) explainGroup(ctx context.Context, g *group, why error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveLimit)
	defer cancel()
	at := api.InGroups(t.plan.Groups, api.GroupSnapshots)
	s, err := api.Get[api.GroupSnapshot](ctx, t.cluster.dynamic, at, g.namespace, g.name)
	if err != nil {
		return fmt.Errorf("%w, and what keeps it can't be told: %w", why, err)
	}
	d, err := t.cluster.diagnoseGroup(ctx, t.plan.Groups, s)
	if err != nil {
		return fmt.Errorf("%w, and what keeps it can't be told: %w", why, err)
	}
	g.cause = d.Cause
	return fmt.Errorf("%w: %v", why, d)
}

// awaitContent waits until somebody looks at the content of a group, and then until it is cut.
func (t *taking) awaitContent(ctx context.Context, group types.UID) (last *api.GroupContent, err error) {
	until := func(ctx context.Context, done func(*api.GroupContent) bool) error {
		return api.Until(ctx, t.cluster.dynamic, api.InGroups(t.plan.Groups, api.GroupContents), "", groupContentName(group),
			func(c *api.GroupContent) (bool, error) {
				if last = c; c == nil || c.Spec.Group.UID != string(group) {
					return false, nil
				}
				if text := groupError(nil, c); text != "" && !groupComplaint(text, "").Heals {
					return false, fmt.Errorf("%w: %s", errHopeless, text)
				}
				return done(c), nil
			})
	}
	silent, cancel := context.WithTimeoutCause(ctx, t.opts.CutLimit/silentShare, errSilent)
	defer cancel()
	err = until(silent, func(c *api.GroupContent) bool {
		return c.Annotations[api.AnnotationGroupBeingCreated] != "" || c.Status != nil
	})
	if err != nil && (!errors.Is(err, errSilent) || last != nil) {
		return last, err
	}
	// Without a content it is the snapshot-controller that has not come to it.
	return last, until(ctx, func(c *api.GroupContent) bool { return c.Status != nil && value(c.Status.Handle) != "" })
}

// watchGroup ends when the group is gone, or complains of what can't heal. Without the right to watch, it says nothing.
func (t *taking) watchGroup(ctx context.Context, g *group, uid types.UID) error {
	diagnosed := ""
	err := api.Until(ctx, t.cluster.dynamic, api.InGroups(t.plan.Groups, api.GroupSnapshots), g.namespace, g.name,
		func(s *api.GroupSnapshot) (bool, error) {
			if s == nil || s.UID != uid {
				return false, fmt.Errorf("%w: somebody deleted it", errHopeless)
			}
			text := groupError(s, nil)
			if text == "" || text == diagnosed {
				return false, nil
			}
			d, err := t.cluster.diagnoseGroup(ctx, t.plan.Groups, s)
			if err != nil {
				return false, nil // it may pass; at the end it is looked into once more
			}
			if diagnosed = text; !d.Heals {
				return false, fmt.Errorf("%w: %v", errHopeless, d)
			}
			return false, nil
		})
	if apierrors.IsForbidden(err) {
		return nil
	}
	return err
}

// isGroupless reports whether a group of a driver was seen to be looked at by nobody.
func (t *taking) isGroupless(driver string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.groupless[driver]
}

func (t *taking) setGroupless(driver string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.groupless[driver] = true
}

// awaitGroupBlind waits for what the group itself says.
func (t *taking) awaitGroupBlind(ctx context.Context, g *group) error {
	err := api.Until(ctx, t.cluster.dynamic, api.InGroups(t.plan.Groups, api.GroupSnapshots), g.namespace, g.name,
		func(s *api.GroupSnapshot) (bool, error) {
			if s == nil || s.UID != g.snapshot.UID {
				return false, errors.New("somebody deleted it")
			}
			g.snapshot = s
			return s.Status != nil && s.Status.CreationTime != nil, nil
		})
	if err != nil {
		return t.explainGroup(ctx, g, err)
	}
	return nil
}

// groupContentName is what snapshot-controller names the content of a group (external-snapshotter, pkg/utils,
// GetDynamicSnapshotContentNameForGroupSnapshot).
func groupContentName(group types.UID) string { return "groupsnapcontent-" + string(group) }

// groupError is what the controllers say of a group.
func groupError(s *api.GroupSnapshot, c *api.GroupContent) string {
	if c != nil && c.Status != nil && c.Status.Error != nil {
		return said(c.Status.Error)
	}
	if s != nil && s.Status != nil {
		return said(s.Status.Error)
	}
	return ""
}
