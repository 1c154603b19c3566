package restore

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// annotationMode is on a content whose volume mode a claim may change for a while: the claim, which takes that back. A
// permission that somebody else has given has none, and stays.
const annotationMode = "clustersnap.github.io/mode-change-for"

// allowMode puts the annotation on the content that lets the mode change.
func (o *order) allowMode(ctx context.Context) error {
	theirs := value(o.content.Spec.SourceVolumeMode)
	if theirs == "" || theirs == string(*o.claim.Spec.VolumeMode) {
		return nil
	}
	if o.pair != nil { // it goes with the claim
		return o.setMode(ctx, o.pair.Content, map[string]any{api.AnnotationModeChange: "true"})
	}
	if o.content.Annotations[api.AnnotationModeChange] == "true" && o.content.Annotations[annotationMode] == "" {
		return nil
	}
	return o.setMode(ctx, o.content.Name, map[string]any{api.AnnotationModeChange: "true", annotationMode: o.forClaim()})
}

// forbidMode takes the permission back, whatever has become of ctx. A claim that is still pending gets it again by the next
// call.
func (o *order) forbidMode(ctx context.Context) error {
	theirs := value(o.content.Spec.SourceVolumeMode)
	if o.pair != nil || theirs == "" || theirs == string(*o.claim.Spec.VolumeMode) {
		return nil
	}
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoLimit)
	defer cancel()
	now, err := api.Get[api.Content](own, o.in, api.Contents, "", o.content.Name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil || now.Annotations[annotationMode] != o.forClaim() {
		return err
	}
	return o.setMode(own, now.Name, map[string]any{api.AnnotationModeChange: nil, annotationMode: nil})
}

func (o *order) forClaim() string { return o.claim.Namespace + "/" + o.claim.Name }

func (o *order) setMode(ctx context.Context, content string, annotations map[string]any) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": annotations}})
	if err != nil {
		return err
	}
	_, err = o.in.Resource(api.Contents).Patch(ctx, content, types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("let content %s change the volume mode, or no longer: %w", content, err)
	}
	return nil
}
