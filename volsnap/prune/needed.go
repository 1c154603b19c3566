package prune

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
)

// annotationPruning is on a content from just before it goes on. Its value is another one each time.
const annotationPruning = "clustersnap.github.io/pruning"

// restored looks again, just before a unit is touched, whether a claim has come to be restored from it: those before it may
// have taken minutes.
func (r *runner) restored(ctx context.Context, u *unit) error {
	now := &scene{in: r.in, handles: r.sight.handlesFor(u), pending: map[string]bool{}}
	var namespaces []string
	for _, m := range u.members {
		if m.snapshot != nil {
			namespaces = append(namespaces, m.snapshot.Namespace)
		}
	}
	slices.Sort(namespaces)
	for _, namespace := range slices.Compact(namespaces) {
		if err := now.readPending(ctx, namespace); err != nil {
			return fmt.Errorf("nothing was done: %w", err)
		}
	}
	return now.spoken(u)
}

// needed looks whether another content has come to have a handle of the unit. It writes on a content of it first: once the
// watch tells of that, it has told of all that was written before. It gives what it has changed.
func (r *runner) needed(ctx context.Context, u *unit, objects []Object) ([]was, error) {
	m := slices.IndexFunc(u.members, func(m *member) bool { return m.content != nil && len(handlesOf(m.content)) > 0 })
	if m < 0 {
		return nil, nil // nobody can have imported it
	}
	content := u.members[m].content
	o := &objects[slices.IndexFunc(objects, func(o Object) bool { return o.UID == string(content.UID) })]
	before := was{object: *o, policy: content.Spec.DeletionPolicy, added: []string{annotationPruning}}
	err := r.patch(ctx, o, before.policy, map[string]any{annotationPruning: rand.Text()})
	if err != nil {
		if refused(err) {
			return nil, err
		}
		return []was{before}, err // a server that does not answer may have done it
	}
	if err := r.sight.reach(ctx, o.Name, o.Version); err != nil {
		return []was{before}, fmt.Errorf("see what contents there are: %w", err)
	}
	now := &scene{handles: r.sight.handlesFor(u), pending: map[string]bool{}}
	return []was{before}, now.spoken(u)
}

// spoken is the obstacle of a unit as an error.
func (s *scene) spoken(u *unit) error {
	if why := s.obstacle(u); why != "" {
		return fmt.Errorf("%w: %s", errNeeded, why)
	}
	return nil
}
