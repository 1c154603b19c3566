package prune

import (
	"cmp"
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// scene is what there is, at about one time.
type scene struct {
	in       dynamic.Interface
	version  string // of the contents, or one before that
	groups   string // version of the API of groups, "" if none was needed
	units    []*unit
	contents map[string]*api.Content
	handles  map[string]int  // contents of a driver and handle
	pending  map[string]bool // namespace and name of snapshots that pending claims are restored from
}

// look reads all that bears on what may go. Contents come before snapshots: one that is made in between is then missed, instead
// of its content looking like one that has lost it.
func look(ctx context.Context, in dynamic.Interface, namespaces []string) (*scene, error) {
	s := &scene{in: in, contents: map[string]*api.Content{}, handles: map[string]int{}, pending: map[string]bool{}}
	var err error
	if s.version, err = api.Version(ctx, in, api.Contents, ""); err != nil {
		return nil, err
	}
	own := map[string]*api.Content{} // by the uid of the snapshot that they are for
	for c, err := range api.List[api.Content](ctx, in, api.Contents, "", "") {
		if err != nil {
			return nil, err
		}
		s.contents[c.Name] = c
		s.countHandles(c)
		if ref := c.Spec.Snapshot; ref.UID != "" {
			own[ref.UID] = c
		}
	}
	var members []*member
	for _, place := range places(namespaces) {
		for snapshot, err := range api.List[api.Snapshot](ctx, in, api.Snapshots, place, "") {
			if err != nil {
				return nil, err
			}
			members = append(members, s.join(snapshot, own))
		}
		if err := s.readPending(ctx, place); err != nil {
			return nil, err
		}
	}
	members = append(members, s.orphans(namespaces, members)...)
	nameClaims(members)
	return s, s.unite(ctx, members)
}

// places are the namespaces to list, "" for all at once.
func places(namespaces []string) []string {
	if len(namespaces) == 0 {
		return []string{""}
	}
	return slices.Compact(slices.Sorted(slices.Values(namespaces)))
}

// handlesOf gives the driver with each handle of a content: what it has, and what it was imported from.
func handlesOf(c *api.Content) []string {
	var all []string
	for _, h := range []*string{c.Spec.Source.Snapshot, statusOf(c).Handle} {
		if h != nil && *h != "" {
			all = append(all, c.Spec.Driver+"\x00"+*h)
		}
	}
	return slices.Compact(all)
}

func (s *scene) countHandles(c *api.Content) {
	for _, h := range handlesOf(c) {
		s.handles[h]++
	}
}

// statusOf is the status, empty if there is none.
func statusOf(c *api.Content) api.ContentStatus {
	if c.Status == nil {
		return api.ContentStatus{}
	}
	return *c.Status
}

// join finds the content of a snapshot: one that is for it, by uid.
func (s *scene) join(snapshot *api.Snapshot, own map[string]*api.Content) *member {
	m := &member{snapshot: snapshot, content: own[string(snapshot.UID)]}
	if snapshot.Status == nil || snapshot.Status.Content == nil {
		return m
	}
	named := s.contents[*snapshot.Status.Content]
	if named != nil && named.Spec.Snapshot.UID == string(snapshot.UID) {
		m.content = named
	}
	m.astray = named != nil && named != m.content
	if c := m.content; c != nil {
		ref := c.Spec.Snapshot
		m.astray = m.astray || ref.Namespace != snapshot.Namespace || ref.Name != snapshot.Name || c != named
	}
	return m
}

// readPending notes from which snapshots claims are being restored.
func (s *scene) readPending(ctx context.Context, place string) error {
	for claim, err := range api.List[corev1.PersistentVolumeClaim](ctx, s.in, api.Claims, place, "") {
		if err != nil {
			return err
		}
		if claim.Status.Phase != corev1.ClaimPending && claim.Spec.VolumeName != "" {
			continue
		}
		if from := claim.Spec.DataSource; from != nil && from.Kind == "VolumeSnapshot" {
			s.pending[claim.Namespace+"/"+from.Name] = true
		}
		if from := claim.Spec.DataSourceRef; from != nil && from.Kind == "VolumeSnapshot" {
			namespace := claim.Namespace
			if from.Namespace != nil && *from.Namespace != "" {
				namespace = *from.Namespace
			}
			s.pending[namespace+"/"+from.Name] = true
		}
	}
	return nil
}

// orphans are contents that a run has pinned and that have lost their snapshot, and members of groups, whoever has pinned
// them: a group goes with all of them.
func (s *scene) orphans(namespaces []string, members []*member) []*member {
	there := map[string]bool{}
	for _, m := range members {
		there[string(m.snapshot.UID)] = true
	}
	var all []*member
	for _, c := range s.contents {
		ref := c.Spec.Snapshot
		if len(namespaces) > 0 && !slices.Contains(namespaces, ref.Namespace) {
			continue
		}
		grouped := value(statusOf(c).GroupHandle) != ""
		if (c.Labels[api.LabelRun] != "" || grouped) && ref.UID != "" && !there[ref.UID] {
			all = append(all, &member{content: c})
		}
	}
	slices.SortFunc(all, func(a, b *member) int { return cmp.Compare(a.content.Name, b.content.Name) })
	return all
}

// series gives the good members by series, each with the newest first.
func (s *scene) series() [][]*member {
	byKey := map[string][]*member{}
	var keys []string
	for _, u := range s.units {
		for _, m := range u.members {
			if !m.good() {
				continue
			}
			key := m.series()
			if byKey[key] == nil {
				keys = append(keys, key)
			}
			byKey[key] = append(byKey[key], m)
		}
	}
	var all [][]*member
	for _, key := range keys {
		slices.SortStableFunc(byKey[key], func(a, b *member) int {
			return cmp.Or(b.view.Cut.Compare(a.view.Cut), cmp.Compare(a.view.Name, b.view.Name))
		})
		all = append(all, byKey[key])
	}
	return all
}

// onlyOne reports whether a unit that is not ready has data of a claim that has nothing better.
func (s *scene) onlyOne(u *unit) bool {
	good := map[string]bool{}
	for _, series := range s.series() {
		good[series[0].claim()] = true
	}
	return slices.ContainsFunc(u.members, func(m *member) bool { return m.view.Handle != "" && !good[m.claim()] })
}

// obstacle is why a unit must not go, whatever anybody chooses; "" if nothing speaks against it.
func (s *scene) obstacle(u *unit) Reason {
	if why := u.broken(); why != "" {
		return why
	}
	for _, m := range u.members {
		if m.astray {
			return NotBound
		}
		if m.view.Imported {
			return Imported
		}
		if m.snapshot != nil && s.pending[m.view.Namespace+"/"+m.view.Name] {
			return InUse
		}
		if m.content == nil {
			continue
		}
		for _, h := range handlesOf(m.content) {
			if s.handles[h] > 1 {
				return Shared
			}
		}
	}
	if u.deleting() {
		return Deleting
	}
	return ""
}
