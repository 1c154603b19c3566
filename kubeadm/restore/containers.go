package restore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Containers is what is asked of a container runtime.
type Containers interface {
	// Running gives the ids of the running containers of static pods that have a name in their manifest, such as "etcd".
	Running(ctx context.Context, name string) (ids []string, err error)
	// Pods gives the ids of the sandboxes of static pods that have a container of such a name and are not stopped: as long as
	// there is one, a kubelet may start the container again.
	Pods(ctx context.Context, name string) (ids []string, err error)
	// Stop ends a container, and returns once it has ended: by a signal that it can act upon, and by SIGKILL once the grace has
	// passed, which is in whole seconds. With no grace it is SIGKILL at once.
	Stop(ctx context.Context, id string, grace time.Duration) error
	// StopPod ends what is left in a sandbox, and the sandbox.
	StopPod(ctx context.Context, id string) error
}

// CRI is a container runtime behind its socket. It is for one user at a time or many.
type CRI struct {
	conn   *grpc.ClientConn
	client cri.RuntimeServiceClient
}

// DialCRI connects to the socket of a runtime, such as "/run/containerd/containerd.sock", when it is first asked. The caller
// closes it.
func DialCRI(socket string) (*CRI, error) {
	conn, err := grpc.NewClient("unix:"+strings.TrimPrefix(socket, "unix://"),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fmt.Errorf("connect to container runtime at %s: %w", socket, err)
	}
	return &CRI{conn, cri.NewRuntimeServiceClient(conn)}, nil
}

// Close ends the connection.
func (c *CRI) Close() error { return c.conn.Close() }

// Running asks for containers by the labels that the kubelet gives them (pkg/kubelet/types/labels.go in kubernetes/kubernetes).
func (c *CRI) Running(ctx context.Context, name string) ([]string, error) {
	list, _, err := c.list(ctx, name)
	var ids []string
	for _, one := range list {
		if one.GetState() == cri.ContainerState_CONTAINER_RUNNING {
			ids = append(ids, one.GetId())
		}
	}
	return ids, err
}

// Pods asks for sandboxes by the containers that they have, or had.
func (c *CRI) Pods(ctx context.Context, name string) ([]string, error) {
	list, pods, err := c.list(ctx, name)
	var ids []string
	for _, one := range list {
		id := one.GetPodSandboxId()
		if pods[id] == cri.PodSandboxState_SANDBOX_READY && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// list gives the containers of a name that static pods have, and the states of these pods: others in kube-system may have one of
// the same name, such as a second scheduler, and are not ended. Where a pod is from is an annotation of the kubelet's
// (ConfigSourceAnnotationKey in pkg/kubelet/types/pod_update.go).
func (c *CRI) list(ctx context.Context, name string) ([]*cri.Container, map[string]cri.PodSandboxState, error) {
	found, err := c.client.ListContainers(ctx, &cri.ListContainersRequest{Filter: &cri.ContainerFilter{
		LabelSelector: map[string]string{
			"io.kubernetes.container.name": name,
			"io.kubernetes.pod.namespace":  "kube-system",
		},
	}})
	if err != nil {
		return nil, nil, fmt.Errorf("list containers %s: %w", name, err)
	}
	// After the containers, so that the pod of each is there.
	all, err := c.client.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{Filter: &cri.PodSandboxFilter{
		LabelSelector: map[string]string{"io.kubernetes.pod.namespace": "kube-system"},
	}})
	if err != nil {
		return nil, nil, fmt.Errorf("list pods of containers %s: %w", name, err)
	}
	static := map[string]cri.PodSandboxState{}
	for _, one := range all.GetItems() {
		if one.GetAnnotations()["kubernetes.io/config.source"] == "file" {
			static[one.GetId()] = one.GetState()
		}
	}
	return slices.DeleteFunc(found.GetContainers(), func(one *cri.Container) bool {
		_, ok := static[one.GetPodSandboxId()]
		return !ok
	}), static, nil
}

// Stop has the runtime stop a container.
func (c *CRI) Stop(ctx context.Context, id string, grace time.Duration) error {
	_, err := c.client.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: id, Timeout: int64(grace / time.Second)})
	if err != nil {
		return fmt.Errorf("stop container %s: %w", id, err)
	}
	return nil
}

// StopPod has the runtime stop a sandbox. The kubelet removes it, as it does with those of a reboot.
func (c *CRI) StopPod(ctx context.Context, id string) error {
	if _, err := c.client.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: id}); err != nil {
		return fmt.Errorf("stop pod %s: %w", id, err)
	}
	return nil
}
