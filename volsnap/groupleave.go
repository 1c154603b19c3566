package volsnap

import (
	"cmp"
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// leaveGroup fails the jobs of a group that was not cut when the time was over. One whose pods were at rest is deleted: it
// would be cut later, of pods that write.
func (t *taking) leaveGroup(ctx context.Context, g *group, why error) {
	left, cause := "and is left", cmp.Or(g.cause, CauseTooLong)
	switch {
	case g.snapshot == nil:
		left = "because it could not be created"
	case g.rested:
		left, cause = "and is deleted, because its pods were thawed", CauseTooLong
		if err := t.removeGroup(ctx, g); err != nil {
			left = fmt.Sprintf("and is left (%v), but its pods were thawed: delete it", err)
		}
	}
	for _, j := range g.jobs {
		j.fail(cause, fmt.Errorf("group snapshot %s was not cut when the time was over, %s: %w", g.name, left, why))
	}
}

// removeGroup deletes a VolumeGroupSnapshot that we made, with its members.
func (t *taking) removeGroup(ctx context.Context, g *group) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveLimit)
	defer cancel()
	if err := goesBy(g.policy); err != nil {
		return err
	}
	err := again(ctx, func() error {
		return t.cluster.dynamic.Resource(api.InGroups(t.plan.Groups, api.GroupSnapshots)).Namespace(g.namespace).Delete(ctx, g.name,
			metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &g.snapshot.UID}})
	})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
