package csibed

import (
	"context"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"

	"github.com/clustersnap/clustersnap/internal/e2e/trial"
)

// Create makes an object, in its own namespace if it says one.
func (b *Bed) Create(t testing.TB, at schema.GroupVersionResource, o *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	made, err := b.Dynamic.Resource(at).Namespace(o.GetNamespace()).Create(trial.Context(t), o, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("create %s %s: %v", at.Resource, o.GetName(), err)
	}
	return made
}

// Namespace makes a namespace and returns when it can have pods. The test does not remove it.
func (b *Bed) Namespace(t testing.TB, name string) {
	t.Helper()
	_, err := b.Client.CoreV1().Namespaces().Create(trial.Context(t), &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{Name: name},
	}, metav1.CreateOptions{})
	trial.Must(t, err)
	accounts := schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}
	b.Until(t, accounts, name, "default", func(*unstructured.Unstructured) bool { return true })
}

// Snapshot makes a VolumeSnapshot of a claim. A class "" names none.
func (b *Bed) Snapshot(t testing.TB, namespace, name, claim, class string) *unstructured.Unstructured {
	t.Helper()
	spec := map[string]any{"source": map[string]any{"persistentVolumeClaimName": claim}}
	if class != "" {
		spec["volumeSnapshotClassName"] = class
	}
	return b.Create(t, Snapshots, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": Snapshots.GroupVersion().String(), "kind": "VolumeSnapshot",
		"metadata": map[string]any{"namespace": namespace, "name": name}, "spec": spec,
	}})
}

// Ready waits for a VolumeSnapshot to be ready to use, and gives it.
func (b *Bed) Ready(t testing.TB, namespace, name string) *unstructured.Unstructured {
	t.Helper()
	return b.Until(t, Snapshots, namespace, name, func(o *unstructured.Unstructured) bool {
		ready, _, _ := unstructured.NestedBool(o.Object, "status", "readyToUse")
		return ready
	})
}

// Until waits by a watch until an object is there and as a test wants it, and gives it.
func (b *Bed) Until(t testing.TB, at schema.GroupVersionResource, namespace, name string,
	wanted func(*unstructured.Unstructured) bool,
) *unstructured.Unstructured {
	t.Helper()
	var last *unstructured.Unstructured
	err := b.follow(trial.Context(t), at, namespace, name, func(e watch.Event) (bool, error) {
		o, ok := e.Object.(*unstructured.Unstructured)
		if !ok || e.Type == watch.Deleted {
			return false, nil
		}
		last = o
		return wanted(o), nil
	})
	if err != nil {
		t.Fatalf("wait for %s %s/%s: %v; it was last seen as %v", at.Resource, namespace, name, err, last)
	}
	return last
}

// Gone waits by a watch until an object is not there.
func (b *Bed) Gone(t testing.TB, at schema.GroupVersionResource, namespace, name string) {
	t.Helper()
	ctx := trial.Context(t)
	selected := fields.OneTermEqualSelector("metadata.name", name).String()
	list, err := b.Dynamic.Resource(at).Namespace(namespace).List(ctx, metav1.ListOptions{FieldSelector: selected})
	trial.Must(t, err)
	if len(list.Items) == 0 {
		return
	}
	w, err := watchtools.NewRetryWatcherWithContext(ctx, list.GetResourceVersion(), b.watcher(at, namespace, name))
	trial.Must(t, err)
	defer w.Stop()
	for e := range w.ResultChan() {
		if e.Type == watch.Deleted {
			return
		}
	}
	t.Fatalf("%s %s/%s is still there: %v", at.Resource, namespace, name, ctx.Err())
}

// follow hands on the events of objects, those that are there first, until each has seen what it wants. An empty name
// is all of a namespace, an empty namespace all of the cluster.
func (b *Bed) follow(ctx context.Context, at schema.GroupVersionResource, namespace, name string,
	each watchtools.ConditionFunc,
) error {
	_, err := watchtools.UntilWithSync(ctx, b.watcher(at, namespace, name), &unstructured.Unstructured{}, nil, each)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w (%w)", err, context.Cause(ctx))
	}
	return err
}

// watcher lists and watches.
func (b *Bed) watcher(at schema.GroupVersionResource, namespace, name string) *cache.ListWatch {
	narrow := func(o metav1.ListOptions) metav1.ListOptions {
		if name != "" {
			o.FieldSelector = fields.OneTermEqualSelector("metadata.name", name).String()
		}
		return o
	}
	resource := b.Dynamic.Resource(at).Namespace(namespace)
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return resource.List(ctx, narrow(o))
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return resource.Watch(ctx, narrow(o))
		},
	}
}
