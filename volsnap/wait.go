package volsnap

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// ErrStuck is the error of a snapshot that will not be ready unless somebody does something: its text has the diagnosis.
var ErrStuck = errors.New("the snapshot will not be ready by itself")

// Wait waits until all of these snapshots may be restored from, ctx ends, or it is seen that one can't heal; the others are
// waited for then. Of each only namespace, name and uid are used, an empty uid is any. It gives what they are by then, in their
// order, but for those that are not there; the error has a part for each that is not ready. One Get and one watch is asked for
// at a time.
func (c *Cluster) Wait(ctx context.Context, snapshots []Snapshot) ([]Snapshot, error) {
	var failed []error
	var found []*api.Snapshot
	told := map[types.UID]bool{}
	for _, s := range snapshots {
		last, err := c.waitFor(ctx, s)
		if err != nil {
			failed = append(failed, fmt.Errorf("snapshot %s/%s: %w", s.Namespace, s.Name, err))
		}
		if last != nil {
			found, told[last.UID] = append(found, last), err != nil
		}
	}
	background, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveLimit)
	defer cancel()
	views, err := c.views(background, found)
	if err != nil {
		failed = append(failed, fmt.Errorf("read contents: %w", err))
	}
	for _, v := range views {
		if !v.Ready && !told[types.UID(v.UID)] {
			failed = append(failed, fmt.Errorf("snapshot %s/%s: %w: %s", v.Namespace, v.Name, ErrStuck, v.Error))
		}
	}
	return views, errors.Join(failed...)
}

// waitFor waits for one snapshot, and gives what was last seen of it.
func (c *Cluster) waitFor(ctx context.Context, s Snapshot) (last *api.Snapshot, err error) {
	diagnosed := ""
	err = api.Until(ctx, c.dynamic, api.Snapshots, s.Namespace, s.Name, func(now *api.Snapshot) (bool, error) {
		if now == nil || s.UID != "" && string(now.UID) != s.UID {
			last = nil
			return false, errors.New("it is not there")
		}
		last = now
		if now.Status == nil || value(now.Status.ReadyToUse) {
			return now.Status != nil, nil
		}
		// Of a class of a driver that is not there, nothing says anything: the content is all that there is to look into.
		seen := value(now.Status.Content) + "\n" + said(now.Status.Error)
		if seen == "\n" || seen == diagnosed {
			return false, nil
		}
		d, err := c.diagnose(ctx, now)
		if err != nil {
			return false, nil // it may pass; at the end it is looked into once more
		}
		if diagnosed = seen; !d.Heals {
			return false, fmt.Errorf("%w: %v", ErrStuck, d)
		}
		return false, nil
	})
	if err != nil && ctx.Err() != nil && last != nil {
		err = c.explain(ctx, last, err)
	}
	return last, err
}

// explain adds the diagnosis to an error of a wait whose time is over.
func (c *Cluster) explain(ctx context.Context, s *api.Snapshot, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveLimit)
	defer cancel()
	d, failed := c.diagnose(ctx, s)
	if failed != nil {
		return err
	}
	return fmt.Errorf("%w: %v", err, d)
}
