package kubecluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// pollInterval is how often the API is asked for what is waited for.
const pollInterval = 100 * time.Millisecond

// WaitReady waits until all nodes and all pods of kube-system are ready, so that Services work, and pods can be made in
// the namespace default. Pods that the cluster takes for ready, but whose node has been without power since they began, are not.
func (c *Cluster) WaitReady(ctx context.Context) error { return c.poll(ctx, c.ready) }

// poll calls check until it is content, and gives its last error when ctx ends.
func (c *Cluster) poll(ctx context.Context, check func(context.Context, kubernetes.Interface) error) error {
	config, err := c.restConfig()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		try, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := check(try, client)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		}
	}
}

// ready says what is not ready yet.
func (c *Cluster) ready(ctx context.Context, client kubernetes.Interface) error {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	if len(nodes.Items) != c.count {
		return fmt.Errorf("there are %d Node objects, want %d", len(nodes.Items), c.count)
	}
	for _, n := range nodes.Items {
		if !nodeReady(&n) {
			return fmt.Errorf("node %s is not ready", n.Name)
		}
	}
	pods, err := client.CoreV1().Pods(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	if want := 5 * c.count; len(pods.Items) < want { // etcd, kube-apiserver, two more, kube-proxy
		return fmt.Errorf("there are %d pods in kube-system, want %d", len(pods.Items), want)
	}
	for _, p := range pods.Items {
		if !PodReady(&p) || !c.hasPower(&p) {
			return fmt.Errorf("pod %s is not ready: %s", p.Name, p.Status.Phase)
		}
	}
	_, err = client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
	return err
}

func nodeReady(n *corev1.Node) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// PodReady reports whether a pod is.
func PodReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// hasPower reports whether all containers of a pod have begun since its node has booted. Kubernetes counts in seconds.
func (c *Cluster) hasPower(p *corev1.Pod) bool {
	for _, n := range c.Nodes {
		if n.Name != p.Spec.NodeName {
			continue
		}
		for _, s := range p.Status.ContainerStatuses {
			if s.State.Running == nil || s.State.Running.StartedAt.Time.Before(n.booted.Truncate(time.Second)) {
				return false
			}
		}
	}
	return true
}
