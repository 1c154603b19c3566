package restore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// annotationReplicas is on a workload that was scaled to zero: how many it had. So a killed process does not lose it.
const annotationReplicas = "clustersnap.github.io/replicas"

// scalable are the kinds of workloads that can be scaled.
var scalable = map[string]schema.GroupVersionResource{
	"deployment":  {Group: "apps", Version: "v1", Resource: "deployments"},
	"statefulset": {Group: "apps", Version: "v1", Resource: "statefulsets"},
}

// Scale stops workloads of a namespace by scaling them to zero, and starts them with as many replicas as they had. Each is
// "deployment/NAME" or "statefulset/NAME". How many they had stands in an annotation of theirs meanwhile, so whoever goes on
// after a crash starts as many. An autoscaler leaves alone what has zero; an operator or GitOps tool may not.
func Scale(c *volsnap.Cluster, namespace string, workloads ...string) Stop {
	return func(ctx context.Context) (func(context.Context) error, error) {
		s := scaling{in: c.Dynamic(), namespace: namespace}
		for _, name := range workloads {
			kind, name, _ := strings.Cut(name, "/")
			at, known := scalable[kind]
			if !known || name == "" {
				return nil, fmt.Errorf("scale %.100q: neither deployment/NAME nor statefulset/NAME", kind+"/"+name)
			}
			s.all = append(s.all, workload{at: at, name: name})
		}
		for i, w := range s.all {
			if err := again(func() error { return s.down(ctx, w) }); err != nil {
				if apierrors.IsNotFound(err) { // there is nothing to start, so that is not told a second time
					s.all = slices.Delete(slices.Clone(s.all), i, i+1)
				}
				return s.up, fmt.Errorf("scale %s %s to zero: %w", w.at.Resource, w.name, err)
			}
		}
		return s.up, nil
	}
}

type workload struct {
	at   schema.GroupVersionResource
	name string
}

type scaling struct {
	in        dynamic.Interface
	namespace string
	all       []workload
}

// again does something until it does not fail because a controller has written the object meanwhile.
func again(do func() error) error {
	for {
		if err := do(); !apierrors.IsConflict(err) {
			return err
		}
	}
}

// down notes the replicas and takes them away in one request.
func (s *scaling) down(ctx context.Context, w workload) error {
	if err := s.keepsClaims(ctx, w); err != nil {
		return err
	}
	// A StatefulSet's replicas stand where a Deployment's do.
	now, err := api.Get[appsv1.Deployment](ctx, s.in, w.at, s.namespace, w.name)
	if err != nil {
		return err
	}
	had := "1" // what the server takes if nothing is said
	if now.Spec.Replicas != nil {
		had = strconv.Itoa(int(*now.Spec.Replicas))
	}
	if before, noted := now.Annotations[annotationReplicas]; noted {
		had = before // by a process that was killed
	}
	return s.patch(ctx, w, now.ResourceVersion, had, 0)
}

// keepsClaims refuses a StatefulSet that deletes the claims of the pods that it stops.
func (s *scaling) keepsClaims(ctx context.Context, w workload) error {
	if w.at != scalable["statefulset"] {
		return nil
	}
	set, err := api.Get[appsv1.StatefulSet](ctx, s.in, w.at, s.namespace, w.name)
	if err != nil {
		return err
	}
	policy := set.Spec.PersistentVolumeClaimRetentionPolicy
	if policy != nil && policy.WhenScaled == appsv1.DeletePersistentVolumeClaimRetentionPolicyType {
		return errors.New("it deletes its claims when it is scaled down: " +
			"set persistentVolumeClaimRetentionPolicy.whenScaled to Retain")
	}
	return nil
}

// up gives each its replicas back. One that has no note was not scaled down.
func (s *scaling) up(ctx context.Context) error {
	var failed []error
	for _, w := range s.all {
		if err := again(func() error { return s.start(ctx, w) }); err != nil {
			failed = append(failed, fmt.Errorf("scale %s %s up again: %w", w.at.Resource, w.name, err))
		}
	}
	return errors.Join(failed...)
}

func (s *scaling) start(ctx context.Context, w workload) error {
	now, err := api.Get[appsv1.Deployment](ctx, s.in, w.at, s.namespace, w.name)
	if err != nil {
		return err
	}
	noted, there := now.Annotations[annotationReplicas]
	if !there {
		return nil
	}
	had, err := strconv.ParseInt(noted, 10, 32)
	if err != nil || had < 0 {
		return fmt.Errorf("the annotation %s says %.50q: scale it yourself, and take the annotation away", annotationReplicas, noted)
	}
	return s.patch(ctx, w, now.ResourceVersion, nil, had)
}

func (s *scaling) patch(ctx context.Context, w workload, version string, note any, replicas int64) error {
	text, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": version, "annotations": map[string]any{annotationReplicas: note}},
		"spec":     map[string]any{"replicas": replicas},
	})
	if err != nil {
		return err
	}
	_, err = s.in.Resource(w.at).Namespace(s.namespace).Patch(ctx, w.name, types.MergePatchType, text, metav1.PatchOptions{})
	return err
}
