package dumps

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/datamaker"
	"github.com/clustersnap/clustersnap/manifests"
)

// A dump shows the cluster as it was at one revision, whatever is written meanwhile: what a watch of every kind had seen up
// to there, no more and no less, byte for byte.
func TestDumpIsOfOneInstant(t *testing.T) {
	node, ctx := bed.ControlPlane(t, bed.Options{}), stuck(t)
	_, err := datamaker.FillAPI(ctx, node.RESTConfig(t), 3000)
	must(t, err)
	c, w := cluster(t, node.RESTConfig(t)), writes{client: dynamicClient(t, node.RESTConfig(t)), half: make(chan struct{})}
	api, began := newAPI(t, node.RESTConfig(t)), make(map[manifests.Resource]beginning)
	resources, _, err := c.Resources(ctx)
	must(t, err)
	for _, r := range resources {
		objects := state{}
		version, err := api.list(ctx, r, objects)
		must(t, err)
		began[r] = beginning{version, objects}
	}

	must(t, w.make(ctx, "before", 500))
	var writing sync.WaitGroup
	var written error
	var r receiver
	r.begin = func(manifests.Instant) error {
		writing.Go(func() { written = w.make(ctx, "during", 2*half) })
		return nil
	}
	r.object = func(*manifests.Object) error { // few pages are read before half of the writes are done
		select {
		case <-w.half:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	report, err := c.Dump(ctx, &r, manifests.Options{Level: manifests.Faithful, PageSize: 100})
	must(t, err)
	writing.Wait()
	must(t, written)

	if !report.Complete() {
		t.Errorf("the dump is not complete: %+v", report.Missing())
	}
	if len(r.begins) != 1 || r.begins[0] != report.Instant || len(r.twice) > 0 || len(r.objects) != report.Objects {
		t.Errorf("%d begins %v, %d objects (%d reported), twice: %v", len(r.begins), r.begins, len(r.objects), report.Objects, r.twice)
	}
	at := number(t, report.ResourceVersion)
	for key, entry := range r.objects {
		if number(t, entry.ResourceVersion) > at {
			t.Errorf("%s has resource version %s, later than %d", key, entry.ResourceVersion, at)
		}
	}
	want := replayAll(ctx, t, api, began, at)
	wantOutcome(t, report, "events", manifests.SameObjects, "events.events.k8s.io")
	maps.DeleteFunc(want, func(key manifests.Key, _ manifests.Entry) bool { return key.Resource == "events" && key.Group == "" })
	sameObjects(t, r.objects, want)
	changed := 0
	for key := range want {
		if strings.HasPrefix(key.Name, "before-") {
			changed++
		}
	}
	t.Logf("%d objects at %d, of which a watch has shown %d", len(want), at, changed)
	if changed == 0 {
		t.Error("the watch has shown none of the objects that were written before the instant")
	}
}

// sameObjects holds the objects of a dump against those that there were.
func sameObjects(t testing.TB, got, want map[manifests.Key]manifests.Entry) {
	t.Helper()
	keys := slices.SortedFunc(maps.Keys(want), manifests.Key.Compare)
	for key := range got {
		if _, ok := want[key]; !ok {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		if got[key] != want[key] {
			t.Errorf("%s is %+v in the dump, want %+v", key, got[key], want[key])
		}
	}
}

// replayAll brings the objects of each resource to one moment.
func replayAll(ctx context.Context, t testing.TB, a api, began map[manifests.Resource]beginning, until uint64) state {
	t.Helper()
	var group sync.WaitGroup
	for r, b := range began {
		group.Go(func() {
			if err := a.replay(ctx, t, r, b.version, until, b.objects); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	all := state{}
	for _, b := range began {
		maps.Copy(all, b.objects)
	}
	return all
}

// beginning is where the watch of a resource begins.
type beginning struct {
	version string
	objects state
}

func number(t testing.TB, resourceVersion string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(resourceVersion, 10, 64)
	must(t, err)
	return n
}

// writes makes changes of three kinds of objects, which no controller writes to.
type writes struct {
	client dynamic.Interface
	done   atomic.Int64
	half   chan struct{} // closed when half of the writes during a dump are done
}

const half = 1000

// make makes n writes, eight at once.
func (w *writes) make(ctx context.Context, name string, n int) error {
	const goroutines = 8
	var errs [goroutines]error
	var group sync.WaitGroup
	for g := range goroutines {
		group.Go(func() {
			for i := g; i < n && errs[g] == nil; i += goroutines {
				errs[g] = w.one(ctx, fmt.Sprintf("%s-%d", name, g), i/goroutines)
			}
		})
	}
	group.Wait()
	return errors.Join(errs[:]...)
}

// one creates an object, changes it, or deletes the one before, by turns.
func (w *writes) one(ctx context.Context, name string, i int) error {
	resource, kind := kinds[i/3%3], []string{"ConfigMap", "Secret", "Widget"}[i/3%3]
	client := w.client.Resource(resource).Namespace("data-0")
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": resource.GroupVersion().String(), "kind": kind,
		"metadata": map[string]any{"name": fmt.Sprintf("%s-%d", name, i/3), "labels": map[string]any{"turn": strconv.Itoa(i)}},
	}}
	var err error
	switch i % 3 {
	case 0:
		_, err = client.Create(ctx, object, metav1.CreateOptions{})
	case 1:
		_, err = client.Patch(ctx, object.GetName(), types.MergePatchType, []byte(`{"metadata":{"labels":{"turn":"second"}}}`), metav1.PatchOptions{})
	default:
		if i%2 == 0 {
			err = client.Delete(ctx, object.GetName(), metav1.DeleteOptions{})
		}
	}
	if w.done.Add(1) == half+500 {
		close(w.half)
	}
	return err
}

var kinds = []schema.GroupVersionResource{
	{Version: "v1", Resource: "configmaps"},
	{Version: "v1", Resource: "secrets"},
	{Group: "datamaker.example.com", Version: "v1", Resource: "widgets"},
}
