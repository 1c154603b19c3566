package volsnap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// createGroup creates the VolumeGroupSnapshot of labelled claims. One of an earlier call is taken over.
func (t *taking) createGroup(ctx context.Context, g *group) error {
	s := &api.GroupSnapshot{ObjectMeta: metav1.ObjectMeta{Name: g.name, Labels: map[string]string{api.LabelRun: t.opts.Run}}}
	s.Spec.Source.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{labelOf(g): labelled}}
	s.Spec.ClassName = &g.class
	at := api.InGroups(t.plan.Groups, api.GroupSnapshots)
	object, err := api.To(s, at, "VolumeGroupSnapshot")
	if err != nil {
		return err
	}
	err = again(ctx, func() error {
		made, err := t.cluster.dynamic.Resource(at).Namespace(g.namespace).Create(ctx, object, metav1.CreateOptions{})
		if err == nil {
			g.snapshot, err = api.From[api.GroupSnapshot](made)
		}
		return err
	})
	if apierrors.IsAlreadyExists(err) {
		return t.findGroup(ctx, g)
	}
	return err
}

// findGroup reads the VolumeGroupSnapshot of an earlier call, if there is one.
func (t *taking) findGroup(ctx context.Context, g *group) error {
	at := api.InGroups(t.plan.Groups, api.GroupSnapshots)
	s, err := api.Get[api.GroupSnapshot](ctx, t.cluster.dynamic, at, g.namespace, g.name)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return err
	case s.Labels[api.LabelRun] != t.opts.Run:
		return errors.New("somebody else has a VolumeGroupSnapshot of its name")
	}
	g.snapshot = s
	return nil
}

// labelled is the value of the label of a group's claims.
const labelled = "true"

// labelOf is the key of the label of a group's claims, with the end of its name, which alone makes it unlike others.
func labelOf(g *group) string { return api.LabelGroup + g.name[len(g.name)-16:] }

// label puts the label of a group on its claims, and on no others: they are what its selector finds.
func (t *taking) label(ctx context.Context, g *group) error {
	for _, j := range g.jobs {
		if err := t.patchClaim(ctx, g, j, labelled); err != nil {
			return err
		}
	}
	for claim, err := range api.List[corev1.PersistentVolumeClaim](
		ctx, t.cluster.dynamic, api.Claims, g.namespace, labelOf(g),
	) {
		if err != nil {
			return err
		}
		if j := t.jobOf(g.namespace, claim.Name); j == nil || j.group != g {
			return fmt.Errorf("claim %s has the label of the group and is not of it: take the label %s off", claim.Name, labelOf(g))
		}
	}
	return nil
}

// unlabel takes the label off again.
func (t *taking) unlabel(ctx context.Context, g *group) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveLimit)
	defer cancel()
	for _, j := range g.jobs {
		if err := t.patchClaim(ctx, g, j, nil); err != nil && !apierrors.IsNotFound(err) {
			t.note("label %s is left on claim %s/%s: %v", labelOf(g), g.namespace, j.result.Claim, err)
		}
	}
}

func (t *taking) patchClaim(ctx context.Context, g *group, j *job, label any) error {
	return t.patch(ctx, api.Claims, j.result.Namespace, j.result.Claim,
		map[string]any{"metadata": map[string]any{"labels": map[string]any{labelOf(g): label}}})
}

// patch changes some fields of an object.
func (t *taking) patch(
	ctx context.Context, at schema.GroupVersionResource, namespace, name string, fields map[string]any,
) error {
	text, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	in := t.cluster.dynamic.Resource(at).Namespace(namespace)
	return again(ctx, func() error {
		_, err := in.Patch(ctx, name, types.MergePatchType, text, metav1.PatchOptions{})
		return err
	})
}
