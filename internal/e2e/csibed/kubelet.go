package csibed

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"

	"github.com/clustersnap/clustersnap/internal/e2e/trial"
)

// NodeName is the node of the stand-in kubelet.
const NodeName = "worker"

// kubeletAddress is where the API server finds it, on the node of the control plane.
const (
	kubeletAddress = "127.0.0.1"
	kubeletPort    = 10250
)

// kubelet runs the pods of one node.
type kubelet struct {
	bed *Bed
	dir string // of what pods have of their own

	mu      sync.Mutex
	pods    map[types.UID]*running
	running sync.WaitGroup
}

// Kubelet registers a node and runs its pods until the end of the bed. Calls after the first do nothing.
//
// A container runs in a mount and a PID namespace of its own, with the programs of this machine and its claims mounted;
// any other volume is an empty folder. A container without a command idles until the pod is deleted. One that has a command
// and ends is not started again, and ends the pod unless its restart policy is Always. Pods of other nodes, such as those
// without a node when the bed has no scheduler, stay as they are. A pod that ends while a file system that it mounts is
// frozen has it thawed first: its processes could not be killed.
func (b *Bed) Kubelet(t testing.TB) {
	t.Helper()
	if b.kubelet != nil {
		return
	}
	k := &kubelet{bed: b, dir: b.life.TempDir(), pods: make(map[types.UID]*running)}
	b.kubelet = k
	listener, err := b.Node.Listen("tcp", address())
	trial.Must(t, err)
	server := httptest.NewUnstartedServer(k)
	server.Listener.Close()
	server.Listener = listener
	server.StartTLS()
	trial.Must(t, k.register(trial.Context(t)))
	ctx, cancel := context.WithCancel(context.Background())
	k.running.Go(func() { k.beat(ctx) })
	k.running.Go(func() { k.follow(ctx) })
	b.life.Cleanup(func() {
		for _, d := range b.Drivers {
			d.Thaw() // or what writes there can't be ended
		}
		cancel()
		server.CloseClientConnections()
		k.mu.Lock()
		for _, p := range k.pods {
			p.cancel()
		}
		k.mu.Unlock()
		k.running.Wait()
		server.Close()
	})
}

// register makes the Node.
func (k *kubelet) register(ctx context.Context) error {
	nodes := k.bed.Client.CoreV1().Nodes()
	if _, err := nodes.Create(ctx, &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: NodeName, Labels: map[string]string{corev1.LabelHostname: NodeName}},
	}, metav1.CreateOptions{}); err != nil {
		return err
	}
	return k.sayReady(ctx)
}

// beat says every 10 s that the node is ready, as a kubelet does: after 50 s without, its pods would be evicted.
func (k *kubelet) beat(ctx context.Context) {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			k.sayReady(ctx) // if it fails, the next one may not
		case <-ctx.Done():
			return
		}
	}
}

func (k *kubelet) sayReady(ctx context.Context) error {
	room := corev1.ResourceList{
		corev1.ResourcePods: resource.MustParse("1000"), corev1.ResourceCPU: resource.MustParse("100"),
		corev1.ResourceMemory: resource.MustParse("1Ti"),
	}
	return k.patch(ctx, func(ctx context.Context, patch []byte) error {
		_, err := k.bed.Client.CoreV1().Nodes().Patch(ctx, NodeName, types.StrategicMergePatchType, patch,
			metav1.PatchOptions{}, "status")
		return err
	}, corev1.NodeStatus{
		Capacity: room, Allocatable: room,
		Addresses:       []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: kubeletAddress}},
		DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: kubeletPort}},
		Conditions: []corev1.NodeCondition{{
			Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", LastHeartbeatTime: metav1.Now(),
		}},
	})
}

// patch writes a status.
func (k *kubelet) patch(ctx context.Context, write func(context.Context, []byte) error, status any) error {
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return err
	}
	return write(ctx, patch)
}

// follow starts and ends pods as the API server tells.
func (k *kubelet) follow(ctx context.Context) {
	mine := fields.OneTermEqualSelector("spec.nodeName", NodeName).String()
	pods := k.bed.Client.CoreV1().Pods("")
	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.FieldSelector = mine
			return pods.List(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.FieldSelector = mine
			return pods.Watch(ctx, o)
		},
	}
	watchtools.UntilWithSync(ctx, lw, &corev1.Pod{}, nil, func(e watch.Event) (bool, error) {
		pod := e.Object.(*corev1.Pod)
		k.see(ctx, pod, e.Type == watch.Deleted || pod.DeletionTimestamp != nil)
		return false, nil
	})
}

// see starts a pod that is new, and ends one that is to go.
func (k *kubelet) see(ctx context.Context, pod *corev1.Pod, going bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.pods[pod.UID]
	if p == nil {
		if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
			return
		}
		p = &running{kubelet: k, pod: pod, ready: make(chan struct{})}
		p.ctx, p.cancel = context.WithCancel(ctx)
		k.pods[pod.UID] = p
		k.running.Go(p.run)
	}
	if going {
		p.cancel()
	}
}
