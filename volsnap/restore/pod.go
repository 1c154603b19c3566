package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clustersnap/clustersnap/volsnap/internal/adopt"
	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

var accounts = schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}

// podName is that of the check pod: there is one in a scratch namespace.
const podName = "check"

// makePod makes the check pod, as soon as the namespace has the account that admission asks for.
func (d *drill) makePod(ctx context.Context) error {
	pod := d.opts.Pod(d.order.claim.Name).DeepCopy()
	if pod == nil || !mounts(pod, d.order.claim.Name) {
		return fmt.Errorf("%w: it does not have the claim %s as a volume", ErrCheck, d.order.claim.Name)
	}
	pod.Namespace, pod.Name, pod.GenerateName = d.done.Namespace, podName, ""
	pod.Labels = labelled(pod.Labels, d.name)
	if pod.Spec.RestartPolicy == "" {
		pod.Spec.RestartPolicy = corev1.RestartPolicyNever
	}
	account := pod.Spec.ServiceAccountName
	if account == "" {
		account = "default"
	}
	err := api.Until(ctx, d.in, accounts, pod.Namespace, account, func(a *corev1.ServiceAccount) (bool, error) {
		return a != nil, nil
	})
	if err != nil {
		return err
	}
	u, err := api.To(pod, api.Pods, "Pod")
	if err != nil {
		return err
	}
	if _, err := d.in.Resource(api.Pods).Namespace(pod.Namespace).Create(ctx, u, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("make check pod: %w", err)
	}
	return nil
}

// succeeded waits for the end of the check pod.
func (d *drill) succeeded(ctx context.Context) error {
	last := ""
	err := api.Until(ctx, d.in, api.Pods, d.done.Namespace, podName, func(pod *corev1.Pod) (bool, error) {
		if pod == nil {
			return false, errors.New("somebody has deleted the check pod")
		}
		last = states(pod)
		if pod.Status.Phase == corev1.PodFailed {
			return false, fmt.Errorf("%w: %s", ErrCheck, last)
		}
		return pod.Status.Phase == corev1.PodSucceeded, nil
	})
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w; the check pod: %s", err, last)
	}
	return err
}

// states says in one line how a pod is.
func states(pod *corev1.Pod) string {
	said := []string{string(pod.Status.Phase)}
	if pod.Status.Message != "" {
		said = append(said, pod.Status.Message)
	}
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		switch {
		case s.State.Terminated != nil && s.State.Terminated.ExitCode != 0:
			end := s.State.Terminated
			said = append(said, fmt.Sprintf("container %s ended with %d: %s", s.Name, end.ExitCode, end.Message))
		case s.State.Waiting != nil:
			said = append(said, fmt.Sprintf("container %s waits: %s %s", s.Name, s.State.Waiting.Reason, s.State.Waiting.Message))
		}
	}
	return adopt.Bounded(strings.Join(said, "; "))
}
