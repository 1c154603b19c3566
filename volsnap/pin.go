package volsnap

import (
	"context"
	"encoding/json"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// restUnknown is an annotation of a content whose pods may have written when it was cut, so that a later call knows as well.
const restUnknown = "clustersnap.github.io/rest-unknown"

// restIsUnknown reports whether it can't be told if the pods of a job were at rest: an earlier call has begun it, and has not
// seen its cut.
func (t *taking) restIsUnknown(j *job) bool {
	return t.opts.Quiesce != nil && j.found && !j.foundPinned && len(j.result.Pods) > 0
}

// pin keeps the data of a unit from going with their namespace, and marks the contents as those of the run.
func (t *taking) pin(ctx context.Context, u *unit) {
	if t.opts.Unpinned {
		return
	}
	for _, j := range u.jobs {
		s, c, _ := t.state(j)
		if j.failed || j.pinTried || !t.settledBy(s, c) {
			continue
		}
		j.pinTried = true
		if t.noContents {
			j.lack("not pinned, for want of the right to read contents: it goes when its namespace is deleted")
			continue
		}
		if c.Spec.DeletionPolicy != api.Retain || c.Labels[api.LabelRun] != t.opts.Run {
			if err := t.pinContent(ctx, j, c); err != nil {
				j.lack("not pinned, so it goes when its namespace is deleted: %v", err)
				continue
			}
		}
		j.pinned = true
	}
}

// pinLate is pin when the time of the run may be over: what is cut is kept all the same.
func (t *taking) pinLate(ctx context.Context, u *unit) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveLimit)
	defer cancel()
	t.pin(ctx, u)
}

// pinContent patches a content, if it is still the same object.
func (t *taking) pinContent(ctx context.Context, j *job, c *api.Content) error {
	annotations := map[string]string{
		api.AnnotationClaim: j.result.Claim,
		api.AnnotationCut:   time.Unix(0, *c.Status.CreationTime).UTC().Format(time.RFC3339Nano),
	}
	if t.restIsUnknown(j) {
		annotations[restUnknown] = "true"
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{
			"uid": c.UID, "labels": map[string]string{api.LabelRun: t.opts.Run}, "annotations": annotations,
		},
		"spec": map[string]string{"deletionPolicy": api.Retain},
	})
	if err != nil {
		return err
	}
	return again(ctx, func() error {
		_, err := t.cluster.dynamic.Resource(api.Contents).Patch(ctx, c.Name, types.MergePatchType, patch, metav1.PatchOptions{})
		return err
	})
}
