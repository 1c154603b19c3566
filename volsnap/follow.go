package volsnap

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// follow finds what an earlier call has made, and begins to watch. The group ends when ctx has.
func (t *taking) follow(ctx context.Context, fail context.CancelCauseFunc) (*sync.WaitGroup, error) {
	places, err := t.find(ctx)
	if err != nil {
		return nil, err
	}
	// From before the first create on, so that nothing of what it leads to is missed.
	version, err := t.versionOfContents(ctx)
	if apierrors.IsForbidden(err) {
		t.withoutContents()
	} else if err != nil {
		return nil, err
	}
	if err := t.findContents(ctx); err != nil {
		return nil, err
	}
	watches := &sync.WaitGroup{}
	begin := func(watch func() error) {
		watches.Go(func() {
			if err := watch(); ctx.Err() == nil {
				fail(fmt.Errorf("the run can't see what becomes of its snapshots: %w", err))
			}
		})
	}
	for _, place := range places {
		begin(func() error {
			return api.Watch(ctx, t.cluster.dynamic, api.Snapshots, place, api.LabelRun+"="+t.opts.Run, "", t.seeSnapshot)
		})
	}
	if !t.noContents {
		begin(func() error {
			return api.WatchSince(ctx, t.cluster.dynamic, api.Contents, "", version, t.seeContent)
		})
	}
	return watches, nil
}

// versionOfContents is where the watch of contents begins. It tries that watch, so that the lack of the right is seen in time.
func (t *taking) versionOfContents(ctx context.Context) (string, error) {
	version, err := api.Version(ctx, t.cluster.dynamic, api.Contents, "")
	if err != nil {
		return "", err
	}
	return version, api.MayWatch(ctx, t.cluster.dynamic, api.Contents, version)
}

func (t *taking) withoutContents() {
	t.noContents = true
	t.note("no right to list and watch volumesnapshotcontents: a cut is seen on the snapshot, where controllers with the limits " +
		"that they come with write it seconds later, so pods rest longer; handles are not known, and nothing is pinned")
}

// find reads what an earlier call has made, and gives the namespaces to watch, "" for all of them.
func (t *taking) find(ctx context.Context) ([]string, error) {
	err := t.findIn(ctx, "")
	if !apierrors.IsForbidden(err) {
		return []string{""}, err
	}
	named := map[string]bool{}
	for _, j := range t.jobs {
		named[j.result.Namespace] = true
	}
	places := slices.Sorted(maps.Keys(named))
	for _, place := range places {
		if err := t.findIn(ctx, place); err != nil {
			return nil, err
		}
	}
	return places, nil
}

func (t *taking) findIn(ctx context.Context, namespace string) error {
	for s, err := range api.List[api.Snapshot](ctx, t.cluster.dynamic, api.Snapshots, namespace, api.LabelRun+"="+t.opts.Run) {
		if err != nil {
			return err
		}
		j := t.jobs[s.Namespace+"/"+s.Name]
		if j == nil && s.Status != nil && s.Status.Group != nil { // a member of a group has a name of the controller's
			if j = t.jobOf(s.Namespace, s.Annotations[api.AnnotationClaim]); j != nil {
				t.jobs[s.Namespace+"/"+s.Name] = j
			}
		}
		if j != nil {
			j.snapshot, j.found = s, true
		}
	}
	return nil
}

// findContents reads the contents of what was found.
func (t *taking) findContents(ctx context.Context) error {
	for _, j := range t.jobs {
		if !j.found || t.noContents {
			continue
		}
		content, err := t.cluster.contentOf(ctx, j.snapshot)
		if apierrors.IsForbidden(err) {
			return t.listContents(ctx)
		}
		if err != nil {
			return err
		}
		if content != nil {
			j.find(t.opts.Run, content)
		}
	}
	return nil
}

// find takes a content that an earlier call has led to.
func (j *job) find(run string, c *api.Content) {
	j.contents[c.Spec.Snapshot.UID] = c
	if j.snapshot != nil && c.Spec.Snapshot.UID == string(j.snapshot.UID) {
		j.foundPinned = c.Labels[api.LabelRun] == run && c.Annotations[restUnknown] == ""
	}
}

// listContents finds contents without the right to get them, by a list of all that there are.
func (t *taking) listContents(ctx context.Context) error {
	for c, err := range api.List[api.Content](ctx, t.cluster.dynamic, api.Contents, "", "") {
		if err != nil {
			return err
		}
		if j := t.jobs[c.Spec.Snapshot.Namespace+"/"+c.Spec.Snapshot.Name]; j != nil && j.found {
			j.find(t.opts.Run, c)
		}
	}
	return nil
}

// seeSnapshot takes what the watch of snapshots tells.
func (t *taking) seeSnapshot(s *api.Snapshot, deleted bool) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	j := t.jobs[s.Namespace+"/"+s.Name]
	if j == nil {
		return false, nil
	}
	if deleted {
		j.gone = j.gone || j.snapshot != nil && j.snapshot.UID == s.UID
	} else {
		j.snapshot = s
	}
	j.unit.wake()
	return false, nil
}

// seeContent takes what the watch of contents tells, of all of the cluster.
func (t *taking) seeContent(c *api.Content, deleted bool) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	j := t.jobs[c.Spec.Snapshot.Namespace+"/"+c.Spec.Snapshot.Name]
	if j == nil {
		return false, nil
	}
	if deleted {
		delete(j.contents, c.Spec.Snapshot.UID)
	} else {
		j.contents[c.Spec.Snapshot.UID] = c
	}
	j.unit.wake()
	return false, nil
}

// readSnapshot takes what was asked for, unless a watch has told of more meanwhile: what it told does not come again.
func (t *taking) readSnapshot(s *api.Snapshot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	j := t.jobs[s.Namespace+"/"+s.Name]
	if j == nil || j.snapshot != nil && j.snapshot.UID == s.UID && j.snapshot.Status != nil && j.snapshot.Status.CreationTime != nil {
		return
	}
	j.snapshot = s
	j.unit.wake()
}

// readContent takes what was asked for, unless a watch has told of the cut meanwhile.
func (t *taking) readContent(c *api.Content) {
	t.mu.Lock()
	defer t.mu.Unlock()
	j := t.jobs[c.Spec.Snapshot.Namespace+"/"+c.Spec.Snapshot.Name]
	if j == nil || contentCut(j.contents[c.Spec.Snapshot.UID]) {
		return
	}
	j.contents[c.Spec.Snapshot.UID] = c
	j.unit.wake()
}
