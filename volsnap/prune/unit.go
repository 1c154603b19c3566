package prune

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// unit is what goes as one: a snapshot, or a group with its members.
type unit struct {
	members      []*member
	grouped      bool
	group        *api.GroupSnapshot
	groupContent *api.GroupContent
}

// groupVersions are those of the API of groups, the best one first.
var groupVersions = []string{"v1", "v1beta2", "v1beta1"}

// unite makes units of the members that a run has made, and leaves the others out.
func (s *scene) unite(ctx context.Context, members []*member) error {
	groups := map[string]*unit{}
	var all []*unit
	for _, m := range members {
		key := m.groupKey()
		u := groups[key]
		if key == "" || u == nil {
			u = &unit{grouped: key != ""}
			all = append(all, u)
		}
		if key != "" {
			groups[key] = u
		}
		u.members = append(u.members, m)
	}
	if len(groups) > 0 {
		if err := s.readGroups(ctx, all); err != nil {
			return err
		}
	}
	for _, u := range all {
		run := u.run()
		if run == "" {
			continue
		}
		for _, m := range u.members {
			m.view.Run = run
		}
		slices.SortStableFunc(u.members, byClaim) // their names are random
		s.units = append(s.units, u)
	}
	return nil
}

func byClaim(a, b *member) int { return cmp.Compare(a.claim(), b.claim()) }

// groupKey tells groups apart: by what the storage calls them, as a member that has lost its snapshot knows nothing else.
func (m *member) groupKey() string {
	switch {
	case m.view.GroupHandle != "":
		return m.view.Driver + "\x00" + m.view.GroupHandle
	case m.view.Group != "":
		return m.view.Namespace + "/" + m.view.Group
	}
	return ""
}

// readGroups finds the two objects of each group.
func (s *scene) readGroups(ctx context.Context, units []*unit) error {
	contents, err := s.groupContents(ctx)
	if err != nil || s.groups == "" {
		return err
	}
	snapshots := map[string]*api.GroupSnapshot{}
	for g, err := range api.List[api.GroupSnapshot](ctx, s.in, s.resource(api.GroupSnapshots), "", "") {
		if err != nil {
			return err
		}
		snapshots[g.Namespace+"/"+g.Name] = g
	}
	for _, u := range units {
		if !u.grouped {
			continue
		}
		for _, m := range u.members {
			if g := snapshots[m.view.Namespace+"/"+m.view.Group]; g != nil && m.view.Group != "" {
				u.group = g
			}
		}
		for _, c := range contents {
			if c.Status != nil && value(c.Status.Handle) != "" &&
				c.Spec.Driver+"\x00"+*c.Status.Handle == u.members[0].groupKey() {
				u.groupContent = c
			}
		}
	}
	return nil
}

// groupContents are read at the version that is served.
func (s *scene) groupContents(ctx context.Context) ([]*api.GroupContent, error) {
	var all []*api.GroupContent
	for _, s.groups = range groupVersions {
		var err error
		for c, failed := range api.List[api.GroupContent](ctx, s.in, s.resource(api.GroupContents), "", "") {
			if err = failed; err != nil {
				break
			}
			all = append(all, c)
		}
		if !apierrors.IsNotFound(err) {
			return all, err
		}
	}
	s.groups = ""
	return nil, nil
}

func (s *scene) resource(name string) schema.GroupVersionResource {
	switch name {
	case api.GroupSnapshots, api.GroupContents:
		return schema.GroupVersionResource{Group: api.GroupSnapshotGroup, Version: s.groups, Resource: name}
	case api.Snapshots.Resource:
		return api.Snapshots
	}
	return api.Contents
}

// run is the id of the run that made it, "" if it is somebody else's. The label of a group counts for its members. Without a
// VolumeSnapshot, or its group, the labels of contents do.
func (u *unit) run() string {
	if u.group != nil {
		return u.group.Labels[api.LabelRun]
	}
	for _, m := range u.members {
		if m.snapshot != nil && m.snapshot.Labels[api.LabelRun] != "" {
			return m.snapshot.Labels[api.LabelRun]
		}
		if m.snapshot == nil && m.content.Labels[api.LabelRun] != "" {
			return m.content.Labels[api.LabelRun]
		}
	}
	return ""
}

// broken is why a group can't be deleted as a whole.
func (u *unit) broken() Reason {
	if !u.grouped {
		return ""
	}
	c := u.groupContent
	if c == nil {
		return BrokenGroup
	}
	if g := u.group; g != nil {
		if g.Status == nil || value(g.Status.Content) != c.Name || c.Spec.Group.UID != string(g.UID) {
			return NotBound
		}
		return ""
	}
	for _, m := range u.members {
		if m.snapshot != nil || m.content.Labels[api.LabelRun] == "" {
			return Foreign
		}
	}
	return ""
}

func (u *unit) ready() bool {
	return !slices.ContainsFunc(u.members, func(m *member) bool { return !m.view.Ready })
}

func (u *unit) deleting() bool {
	if u.group != nil && u.group.DeletionTimestamp != nil || u.groupContent != nil && u.groupContent.DeletionTimestamp != nil {
		return true
	}
	return slices.ContainsFunc(u.members, func(m *member) bool { return m.view.Deleting })
}

// made is when the youngest of its objects was made, by the server's clock.
func (u *unit) made() time.Time {
	var last time.Time
	for _, m := range u.members {
		if m.snapshot != nil && m.snapshot.CreationTimestamp.After(last) {
			last = m.snapshot.CreationTimestamp.Time
		}
		if m.content != nil && m.content.CreationTimestamp.After(last) {
			last = m.content.CreationTimestamp.Time
		}
	}
	return last
}

func (u *unit) snapshots() []volsnap.Snapshot {
	var all []volsnap.Snapshot
	for _, m := range u.members {
		all = append(all, m.view)
	}
	return all
}

// objects are all that goes, the first one being what is deleted: the rest follows it.
func (u *unit) objects() []Object {
	var all []Object
	add := func(resource string, o *metav1.ObjectMeta) {
		all = append(all, Object{resource, o.Namespace, o.Name, string(o.UID), o.ResourceVersion})
	}
	if u.group != nil {
		add(api.GroupSnapshots, &u.group.ObjectMeta)
	}
	if u.groupContent != nil {
		add(api.GroupContents, &u.groupContent.ObjectMeta)
	}
	for _, m := range u.members {
		if m.snapshot != nil {
			add(api.Snapshots.Resource, &m.snapshot.ObjectMeta)
		}
		if m.content != nil {
			add(api.Contents.Resource, &m.content.ObjectMeta)
		}
	}
	return all
}

// key is the identity of a unit, the same as long as it has the same objects.
func (i Item) key() string {
	if len(i.Objects) == 0 {
		return ""
	}
	return fmt.Sprint(i.Objects[0].Resource, " ", i.Objects[0].UID)
}
