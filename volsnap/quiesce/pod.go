package quiesce

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// ErrNoContainer is a container that a hook is for and that the pod has not, or not any more: an init container ends before the
// others begin.
var ErrNoContainer = errors.New("the pod has no such container that runs as long as it does")

// Pod is a pod that commands can be run in.
type Pod struct {
	*corev1.Pod
	cluster *volsnap.Cluster
}

// ReadPod reads a pod (get pods).
func ReadPod(ctx context.Context, c *volsnap.Cluster, namespace, name string) (*Pod, error) {
	pod, err := api.Get[corev1.Pod](ctx, c.Dynamic(), api.Pods, namespace, name)
	if err != nil {
		return nil, fmt.Errorf("quiesce pod %s/%s: %w", namespace, name, err)
	}
	return &Pod{Pod: pod, cluster: c}, nil
}

// ended reports whether no container of the pod will ever run again. Nothing writes to its volumes.
func (p *Pod) ended() bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
}

// container is the name of a container of the pod that commands can be run in while the pod runs: one of its containers or
// one of its sidecars. "" is the first container, as Velero has it.
func (p *Pod) container(name string) (string, error) {
	lasting := p.lasting()
	if name == "" && len(p.Spec.Containers) > 0 {
		return lasting[0], nil
	}
	if name == "" || !slices.Contains(lasting, name) {
		return "", fmt.Errorf("%w: %.63q; it has %.500s", ErrNoContainer, name, strings.Join(lasting, ", "))
	}
	return name, nil
}

// lasting are the names of the containers that run as long as the pod does: its containers, and its sidecars after them.
func (p *Pod) lasting() []string {
	var names []string
	for _, c := range p.Spec.Containers {
		names = append(names, c.Name)
	}
	for _, c := range p.Spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			names = append(names, c.Name)
		}
	}
	return names
}
