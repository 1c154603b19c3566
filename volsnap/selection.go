package volsnap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// Selection says whose volumes. The zero value is all of the cluster.
type Selection struct {
	// Namespaces, empty for all. One that is not there is an error.
	Namespaces []string
	// Labels is a selector of claims, such as app=db. Of volumes without a claim it selects those of the pods that mount a
	// selected claim.
	Labels string
	// Claims are "namespace/name", and nothing else is selected then but what their pods mount without a claim. A claim that
	// is not there is an error.
	Claims []string
}

// all reports whether everything in the namespaces is selected.
func (s Selection) all() bool { return s.Labels == "" && len(s.Claims) == 0 }

// check refuses what would select something else than was meant.
func (s Selection) check() error {
	if len(s.Claims) > 0 && (s.Labels != "" || len(s.Namespaces) > 0) {
		return errors.New("select volumes: claims by name come alone, without namespaces and labels")
	}
	if slices.Contains(s.Namespaces, "") {
		return errors.New("select volumes: a namespace has no name: give none at all for all namespaces")
	}
	for _, c := range s.Claims {
		if namespace, name, ok := strings.Cut(c, "/"); !ok || namespace == "" || name == "" || strings.Contains(name, "/") {
			return fmt.Errorf("select volumes: %q is not the name of a claim, which is namespace/name", c)
		}
	}
	return nil
}

// places are the namespaces to look at, "" for all.
func (s Selection) places() []string {
	places := slices.Clone(s.Namespaces)
	for _, c := range s.Claims {
		namespace, _, _ := strings.Cut(c, "/")
		places = append(places, namespace)
	}
	if len(places) == 0 {
		return []string{""}
	}
	slices.Sort(places)
	return slices.Compact(places)
}

// claims reads the selected claims.
func (c *Cluster) claims(ctx context.Context, s Selection) ([]*corev1.PersistentVolumeClaim, error) {
	var claims []*corev1.PersistentVolumeClaim
	if len(s.Claims) > 0 {
		for _, name := range slices.Compact(slices.Sorted(slices.Values(s.Claims))) {
			namespace, name, _ := strings.Cut(name, "/")
			claim, err := api.Get[corev1.PersistentVolumeClaim](ctx, c.dynamic, api.Claims, namespace, name)
			if err != nil {
				return nil, fmt.Errorf("select volumes of namespace %s: %w", namespace, err)
			}
			claims = append(claims, claim)
		}
		return claims, nil
	}
	for _, place := range s.places() {
		for claim, err := range api.List[corev1.PersistentVolumeClaim](ctx, c.dynamic, api.Claims, place, s.Labels) {
			if apierrors.IsForbidden(err) && place == "" {
				return nil, fmt.Errorf("select volumes of all namespaces: %w; name those that may be looked at", err)
			}
			if err != nil {
				return nil, fmt.Errorf("select volumes: %w", err)
			}
			claims = append(claims, claim)
		}
	}
	return claims, nil
}

// pods reads the pods that have not ended. Without the right to do so nobody knows what they mount: the second result says so.
func (c *Cluster) pods(ctx context.Context, s Selection) (pods []*corev1.Pod, lacks []Lack, err error) {
	for _, place := range s.places() {
		for pod, err := range api.List[corev1.Pod](ctx, c.dynamic, api.Pods, place, "") {
			if apierrors.IsForbidden(err) {
				lacks = append(lacks, Lack{
					Namespace: place, Verb: "list", Resource: api.Pods.Resource,
					Means: "volumes without a claim are not in the plan, and no pod can be frozen",
				})
				break
			}
			if err != nil {
				return nil, nil, fmt.Errorf("select volumes: %w", err)
			}
			if pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
				pods = append(pods, pod)
			}
		}
	}
	return pods, lacks, nil
}
