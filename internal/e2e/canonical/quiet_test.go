package canonical

import (
	"context"
	"os"
	"slices"
	"sync"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// kept are the classes that change only when somebody changes them.
func kept() []manifests.Class {
	return []manifests.Class{manifests.User, manifests.Bootstrap, manifests.Terminating, manifests.Completed}
}

// saver dumps a cluster into one tree again and again.
type saver struct {
	cluster *manifests.Cluster
	tree    *tree.Tree
	opts    manifests.Options
	entries map[string]manifests.Entry // of the dump, by path
}

func newSaver(t *testing.T, c *manifests.Cluster, opts manifests.Options) *saver {
	t.Helper()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	to, err := tree.Open(root, tree.Options{Secrets: tree.Include})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := to.Close(); err != nil {
			t.Error(err)
		}
		root.Close()
	})
	return &saver{cluster: c, tree: to, opts: opts}
}

func (s *saver) Begin(at manifests.Instant) error {
	s.entries = make(map[string]manifests.Entry)
	return s.tree.Begin(at)
}

func (s *saver) Object(o *manifests.Object) error {
	s.entries[tree.Path(o.Key)] = o.Entry
	return s.tree.Object(o)
}

// save says what a dump has changed, and how many objects have another resource version than at the one before.
func (s *saver) save(t *testing.T) (changes tree.Changes, moved int) {
	t.Helper()
	before := s.entries
	report, err := s.cluster.Dump(t.Context(), s, s.opts)
	if err != nil {
		t.Fatal(err)
	}
	if changes, err = s.tree.Commit(report); err != nil {
		t.Fatal(err)
	}
	for path, e := range s.entries {
		if e.ResourceVersion != before[path].ResourceVersion {
			moved++
		}
	}
	return changes, moved
}

// TestQuiet dumps a cluster to which nobody writes but its controllers and kubelets: no file changes, and neither does the
// index. What they own changes nothing but itself.
func TestQuiet(t *testing.T) {
	node, _ := cluster(t)
	config := node.RESTConfig(t)
	c, err := manifests.NewCluster(config)
	if err != nil {
		t.Fatal(err)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	quiet, all := newSaver(t, c, manifests.Options{Classes: kept()}), newSaver(t, c, manifests.Options{})
	quiet.save(t)
	all.save(t)
	t.Run("at rest", func(t *testing.T) { wantQuiet(t, quiet) })
	s := newServer(t, config)
	t.Run("while controllers write", func(t *testing.T) {
		runPods(t, client)
		for range 3 {
			s.await(t, manifests.Resource{Group: "apps", Version: "v1", Resource: "deployments"}, 4)
			if moved := wantQuiet(t, quiet); moved == 0 {
				t.Error("no object was written meanwhile")
			}
			wantOnlyTheirs(t, all)
		}
	})
	t.Run("one write changes one file", func(t *testing.T) {
		_, err := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace("corpus").
			Patch(t.Context(), "nothing", types.MergePatchType, []byte(`{"data":{"a":"b"}}`), metav1.PatchOptions{})
		if err != nil {
			t.Fatal(err)
		}
		changes, _ := quiet.save(t)
		want := tree.Path(manifests.Key{Resource: "configmaps", Namespace: "corpus", Name: "nothing"})
		if !slices.Equal(changes.Changed, []string{want}) || len(changes.Added)+len(changes.Removed) != 0 {
			t.Errorf("changes %+v, want %s alone", changes, want)
		}
	})
}

func wantQuiet(t *testing.T, s *saver) (moved int) {
	t.Helper()
	changes, moved := s.save(t)
	if !changes.Quiet() {
		t.Errorf("nobody has written, and yet %+v", changes)
	}
	return moved
}

// wantOnlyTheirs holds that what changes in a dump of everything belongs to controllers or to machines.
func wantOnlyTheirs(t *testing.T, s *saver) {
	t.Helper()
	before := s.entries
	changes, _ := s.save(t)
	for _, path := range slices.Concat(changes.Added, changes.Changed, changes.Removed) {
		e, ok := s.entries[path]
		if !ok {
			e = before[path]
		}
		if e.Class != manifests.Generated && e.Class != manifests.NodeBound {
			t.Errorf("%s of class %s has changed", path, e.Class)
		}
	}
	if len(changes.Changed) == 0 {
		t.Error("not even leases have changed")
	}
}

// runPods does with the pods what a kubelet would: they become ready, and unready, in turn, until the test ends.
func runPods(t *testing.T, client dynamic.Interface) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	t.Cleanup(func() { cancel(); running.Wait() })
	running.Go(func() {
		pods := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace("corpus")
		for ready := false; ctx.Err() == nil; ready = !ready {
			list, err := pods.List(ctx, metav1.ListOptions{})
			if err != nil {
				break
			}
			for _, pod := range list.Items {
				setReady(&pod, ready)
				_, err := pods.UpdateStatus(ctx, &pod, metav1.UpdateOptions{FieldManager: "kubelet"})
				if err != nil && ctx.Err() == nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
					t.Errorf("write status of %s: %v", pod.GetName(), err)
				}
			}
		}
	})
}

func setReady(pod *unstructured.Unstructured, ready bool) {
	status, _ := pod.Object["status"].(map[string]any)
	if status["phase"] == "Succeeded" {
		return
	}
	word := map[bool]string{false: "False", true: "True"}[ready]
	status["phase"], status["podIP"] = "Running", "10.244.7.9"
	status["podIPs"] = []any{map[string]any{"ip": "10.244.7.9"}}
	status["conditions"] = []any{map[string]any{
		"type": "Ready", "status": word, "lastTransitionTime": metav1.Now().UTC().Format("2006-01-02T15:04:05Z"),
	}}
}
