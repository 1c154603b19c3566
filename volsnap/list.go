package volsnap

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// fewContents are read one by one. For more snapshots all contents of the cluster are listed.
const fewContents = 20

// List gives the snapshots of namespaces, all if there are none or one is "", as the server orders them. With a run they are those of
// the run; without, they are all there are, whoever made them: Run is empty for others' ones.
//
// Without the right to read contents, what only they say is missing: driver, handle, mode, Pinned. A snapshot whose content is
// gone, or belongs to another one, is not Ready and says so in Error.
func (c *Cluster) List(ctx context.Context, namespaces []string, run string) ([]Snapshot, error) {
	labels := ""
	if run != "" {
		if err := checkRun(run); err != nil {
			return nil, fmt.Errorf("list snapshots: %w", err)
		}
		labels = api.LabelRun + "=" + run
	}
	if namespaces = slices.Compact(slices.Sorted(slices.Values(namespaces))); len(namespaces) == 0 || namespaces[0] == "" {
		namespaces = []string{""} // all of them
	}
	var found []*api.Snapshot
	for _, namespace := range namespaces {
		for s, err := range api.List[api.Snapshot](ctx, c.dynamic, api.Snapshots, namespace, labels) {
			if err != nil {
				return nil, fmt.Errorf("list snapshots: %w", err)
			}
			found = append(found, s)
		}
	}
	snapshots, err := c.views(ctx, found)
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	return snapshots, nil
}

// views reads the contents of snapshots and puts both together.
func (c *Cluster) views(ctx context.Context, found []*api.Snapshot) ([]Snapshot, error) {
	contents, err := c.contents(ctx, found)
	if err != nil {
		return nil, err
	}
	views := make([]Snapshot, 0, len(found))
	for _, s := range found {
		v := view(s, nil)
		if contents != nil && v.Content != "" {
			if content := contents[v.Content]; content != nil {
				v = view(s, content)
			} else {
				v.Ready, v.Error = false, "content "+v.Content+" is gone"
			}
		}
		views = append(views, v)
	}
	return views, nil
}

// contents reads the contents that snapshots name. The map is nil if they may not be read.
func (c *Cluster) contents(ctx context.Context, of []*api.Snapshot) (map[string]*api.Content, error) {
	named := map[string]bool{}
	for _, s := range of {
		if s.Status != nil && s.Status.Content != nil {
			named[*s.Status.Content] = true
		}
	}
	contents := map[string]*api.Content{}
	if len(named) > fewContents {
		for content, err := range api.List[api.Content](ctx, c.dynamic, api.Contents, "", "") {
			if apierrors.IsForbidden(err) {
				return nil, nil
			}
			if err != nil {
				return nil, err
			}
			if named[content.Name] {
				contents[content.Name] = content
			}
		}
		return contents, nil
	}
	for name := range named {
		content, err := api.Get[api.Content](ctx, c.dynamic, api.Contents, "", name)
		switch {
		case apierrors.IsForbidden(err):
			return nil, nil
		case apierrors.IsNotFound(err):
			continue
		case err != nil:
			return nil, err
		}
		contents[name] = content
	}
	return contents, nil
}
