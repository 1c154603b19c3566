package restore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// ErrInUse is the error of a claim that pods mount.
var ErrInUse = errors.New("pods mount the claim")

// users gives the pods that mount a claim and have not ended.
func users(ctx context.Context, in dynamic.Interface, namespace, claim string) ([]string, error) {
	var found []string
	for pod, err := range api.List[corev1.Pod](ctx, in, api.Pods, namespace, "") {
		if err != nil {
			return nil, err
		}
		if mounts(pod, claim) && !over(pod) {
			found = append(found, pod.Name)
		}
	}
	return found, nil
}

func mounts(pod *corev1.Pod, claim string) bool {
	for _, v := range pod.Spec.Volumes {
		if v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == claim {
			return true
		}
		if v.Ephemeral != nil && pod.Name+"-"+v.Name == claim {
			return true
		}
	}
	return false
}

func over(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// unused refuses a claim that pods mount.
func unused(ctx context.Context, in dynamic.Interface, namespace, claim string) error {
	pods, err := users(ctx, in, namespace, claim)
	if err == nil && len(pods) > 0 {
		err = fmt.Errorf("%w: %s: stop what owns them", ErrInUse, strings.Join(pods, ", "))
	}
	return err
}

// drained waits until no pod mounts a claim: pods that were told to stop take their time.
func drained(ctx context.Context, in dynamic.Interface, namespace, claim string) error {
	for {
		pods, err := users(ctx, in, namespace, claim)
		if err != nil || len(pods) == 0 {
			return err
		}
		for _, name := range pods {
			err := api.Until(ctx, in, api.Pods, namespace, name, func(pod *corev1.Pod) (bool, error) {
				return pod == nil || over(pod) || !mounts(pod, claim), nil
			})
			if err != nil {
				return fmt.Errorf("%w: %w", ErrInUse, err)
			}
		}
	}
}
