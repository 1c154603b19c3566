package restore

import (
	"context"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// fakeRuntime serves the calls over a socket, as containerd would.
type fakeRuntime struct {
	cri.UnimplementedRuntimeServiceServer
	labels  map[string]map[string]string // of containers, by id
	ended   map[string]bool              // of these
	graces  map[string]int64             // that they had, in seconds
	stopped map[string]bool              // sandboxes
}

func (r *fakeRuntime) ListContainers(_ context.Context, q *cri.ListContainersRequest) (*cri.ListContainersResponse, error) {
	var list []*cri.Container
	for id, labels := range r.labels {
		matches := true
		for name, value := range q.Filter.LabelSelector {
			matches = matches && labels[name] == value
		}
		if matches {
			state := cri.ContainerState_CONTAINER_RUNNING
			if r.ended[id] {
				state = cri.ContainerState_CONTAINER_EXITED
			}
			list = append(list, &cri.Container{Id: id, PodSandboxId: "pod of " + id, State: state})
		}
	}
	return &cri.ListContainersResponse{Containers: list}, nil
}

func (r *fakeRuntime) StopContainer(_ context.Context, q *cri.StopContainerRequest) (*cri.StopContainerResponse, error) {
	r.ended[q.ContainerId] = true
	r.graces[q.ContainerId] = q.Timeout
	return &cri.StopContainerResponse{}, nil
}

func (r *fakeRuntime) StopPodSandbox(_ context.Context, q *cri.StopPodSandboxRequest) (*cri.StopPodSandboxResponse, error) {
	r.stopped[q.PodSandboxId] = true
	return &cri.StopPodSandboxResponse{}, nil
}

func (r *fakeRuntime) ListPodSandbox(context.Context, *cri.ListPodSandboxRequest) (*cri.ListPodSandboxResponse, error) {
	var list []*cri.PodSandbox
	for id := range r.labels {
		one := &cri.PodSandbox{Id: "pod of " + id, Annotations: map[string]string{"kubernetes.io/config.source": "file"}}
		if id == "4" {
			one.Annotations["kubernetes.io/config.source"] = "api"
		}
		if r.stopped[one.Id] {
			one.State = cri.PodSandboxState_SANDBOX_NOTREADY
		}
		list = append(list, one)
	}
	return &cri.ListPodSandboxResponse{Items: list}, nil
}

// newRuntime serves until the test ends, with an etcd and a kube-apiserver of the control plane, and two etcds of somebody's, of
// which one is in kube-system.
func newRuntime(t *testing.T) (*fakeRuntime, *CRI) {
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	must(t, err)
	server := grpc.NewServer()
	runtime := &fakeRuntime{ended: map[string]bool{}, graces: map[string]int64{}, stopped: map[string]bool{}, labels: map[string]map[string]string{
		"1": {"io.kubernetes.container.name": etcd, "io.kubernetes.pod.namespace": "kube-system"},
		"2": {"io.kubernetes.container.name": apiServer, "io.kubernetes.pod.namespace": "kube-system"},
		"3": {"io.kubernetes.container.name": etcd, "io.kubernetes.pod.namespace": "shop"},
		"4": {"io.kubernetes.container.name": etcd, "io.kubernetes.pod.namespace": "kube-system"},
	}}
	cri.RegisterRuntimeServiceServer(server, runtime)
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	c, err := DialCRI("unix://" + socket)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return runtime, c
}

func TestCRI(t *testing.T) {
	runtime, c := newRuntime(t)
	if ids, err := c.Running(t.Context(), etcd); err != nil || !slices.Equal(ids, []string{"1"}) {
		t.Errorf("etcd runs as %q: %v", ids, err)
	}
	must(t, c.Stop(t.Context(), "1", 30*time.Second))
	if runtime.graces["1"] != 30 {
		t.Errorf("etcd had %d s to end", runtime.graces["1"])
	}
	if ids, err := c.Running(t.Context(), etcd); err != nil || len(ids) != 0 {
		t.Errorf("etcd still runs as %q: %v", ids, err)
	}
	if ids, err := c.Pods(t.Context(), etcd); err != nil || !slices.Equal(ids, []string{"pod of 1"}) {
		t.Errorf("etcd has the pods %q: %v", ids, err)
	}
	must(t, c.StopPod(t.Context(), "pod of 1"))
	if ids, err := c.Pods(t.Context(), etcd); err != nil || len(ids) != 0 {
		t.Errorf("etcd still has the pods %q: %v", ids, err)
	}
	none, err := DialCRI(filepath.Join(t.TempDir(), "none"))
	must(t, err)
	defer none.Close()
	if _, err := none.Running(t.Context(), etcd); err == nil || !strings.Contains(err.Error(), "list containers etcd") {
		t.Errorf("where no runtime is: %v", err)
	}
}
