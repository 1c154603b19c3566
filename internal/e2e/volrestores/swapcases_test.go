package volrestores

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/restore"
)

// swapFromElsewhereTest: of a swap that fails, or was killed and is undone, nothing imported is left.
func swapFromElsewhereTest(t *testing.T, p *place) {
	p.Namespace(t, "elsewhere")
	p.Namespace(t, "here")
	p.claim(t, "elsewhere", "db", "monday")
	s := p.snapshot(t, "elsewhere", "s", "db")
	t.Run("each", func(t *testing.T) { eachFaultTest(t, p, s) })
	p.none(t, csibed.Snapshots, "here", "clustersnap.github.io/imported")
}

func eachFaultTest(t *testing.T, p *place, s volsnap.Snapshot) {
	for _, at := range []int{4, 5, 6} { // content, snapshot and claim
		for _, f := range []fault{{at: at}, {at: at, sent: true}, {at: at, sent: true, killed: true}} {
			name := fmt.Sprintf("%d-%v-%v", at, f.sent, f.killed)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p.claim(t, "here", name, "tuesday")
				old := p.volume(t, "here", name)
				safety := p.snapshot(t, "here", name, name)
				cluster, _ := p.faulty(t, f)
				_, err := restore.Swap(stuck(t), cluster, s, "here", name, restore.SwapOptions{Safety: given(&safety)})
				if err == nil {
					t.Fatal("it has ended")
				}
				if f.killed {
					_, err := restore.Undo(stuck(t), p.cluster, "here", name, nil)
					must(t, err)
				}
				p.asBefore(t, "here", name, old)
				p.holds(t, "here", name, "tuesday")
			})
		}
	}
}

func given(s *volsnap.Snapshot) func(context.Context) (*volsnap.Snapshot, error) {
	return func(context.Context) (*volsnap.Snapshot, error) { return s, nil }
}

// waitingSwapTest: without Stop, a swap to a class that waits for pods is two calls with the caller's pod in between.
func waitingSwapTest(t *testing.T, p *place) {
	p.Namespace(t, "waiting")
	p.claim(t, "waiting", "db", "monday")
	s := p.snapshot(t, "waiting", "s", "db")
	p.write(t, "waiting", "db", "tuesday")
	opts := restore.SwapOptions{StorageClass: csibed.Waiting(p.d.Name)}
	first, err := restore.Swap(stuck(t), p.cluster, s, "waiting", "db", opts)
	must(t, err)
	if first.State != restore.WaitsForConsumer {
		t.Fatalf("got %+v", *first)
	}
	p.mount(t, "waiting", "db")
	p.patch(t, claims, "waiting", "db", `{"metadata":{"annotations":{"volume.kubernetes.io/selected-node":"one"}}}`)
	second, err := restore.Swap(stuck(t), p.cluster, s, "waiting", "db", opts)
	must(t, err)
	if second.State != restore.Bound || second.Old != first.Old || second.Safety != first.Safety {
		t.Errorf("got %+v after %+v", *second, *first)
	}
	p.holds(t, "waiting", "db", "monday")
	must(t, restore.Discard(stuck(t), p.cluster, second.Old))
}

func (p *place) mount(t *testing.T, namespace, claim string) {
	t.Helper()
	p.Create(t, pods, object("v1", "Pod", namespace, "web", map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{"name": "c", "image": "i"}},
		"volumes":    []any{map[string]any{"name": "v", "persistentVolumeClaim": map[string]any{"claimName": claim}}},
	}}))
}

// startedTest: a call that was killed before it could start what it has stopped is gone on with, and that starts it. It makes
// no second copy.
func startedTest(t *testing.T, p *place) {
	p.Namespace(t, "started")
	p.claim(t, "started", "db", "monday")
	s := p.snapshot(t, "started", "s", "db")
	killed := errors.New("killed")
	running, calls := true, 0
	stop := func(context.Context) (func(context.Context) error, error) {
		running = false
		return func(context.Context) error { running = true; calls++; return nil }, nil
	}
	// The second and third journal, the claims and the start are those of the bed's own cluster; the fifth write is the last.
	cluster, _ := p.faulty(t, fault{at: 5, killed: true})
	_, err := restore.Swap(stuck(t), cluster, s, "started", "db", restore.SwapOptions{Stop: stop, Safety: given(&s)})
	if err == nil {
		t.Fatal("it has ended")
	}
	made := p.volume(t, "started", "db")
	running = false // as if it was killed before it came up
	done, err := restore.Swap(stuck(t), p.cluster, s, "started", "db", restore.SwapOptions{
		Stop: stop, Safety: func(context.Context) (*volsnap.Snapshot, error) { return nil, killed },
	})
	must(t, err)
	if !running || done.New != made || done.Old == made {
		t.Errorf("running %v, got %+v, and the volume was %s", running, *done, made)
	}
}

// twoSwapsTest: of two at once one is told so and stops and starts nothing, and one that is overtaken neither.
func twoSwapsTest(t *testing.T, p *place) {
	p.Namespace(t, "two")
	p.claim(t, "two", "db", "monday")
	s := p.snapshot(t, "two", "s", "db")
	p.write(t, "two", "db", "tuesday")
	var inner error
	started := 0
	start := func(context.Context) error { started++; return nil }
	_, err := restore.Swap(stuck(t), p.cluster, s, "two", "db", restore.SwapOptions{
		Stop: func(context.Context) (func(context.Context) error, error) {
			_, inner = restore.Swap(stuck(t), p.cluster, s, "two", "db", restore.SwapOptions{Safety: given(&s)})
			return start, nil
		},
		Safety: given(&s),
	})
	must(t, inner) // it has gone on with the first one
	if !errors.Is(err, restore.ErrJournal) || started != 0 {
		t.Errorf("the first one: %v, and it was started %d times", err, started)
	}
	p.holds(t, "two", "db", "monday")
}

// goingClaimsTest: claims that go with the pods that are stopped are refused.
func goingClaimsTest(t *testing.T, p *place) {
	p.Namespace(t, "going")
	p.claim(t, "going", "data-db-0", "monday")
	s, old := p.snapshot(t, "going", "s", "data-db-0"), p.volume(t, "going", "data-db-0")
	labels := map[string]string{"app": "db"}
	_, err := p.Client.AppsV1().StatefulSets("going").Create(stuck(t), &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: "db"},
		Spec: appsv1.StatefulSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			PersistentVolumeClaimRetentionPolicy: &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{
				WhenDeleted: "Retain", WhenScaled: "Delete",
			},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{
				Containers: []corev1.Container{{Name: "c", Image: "i"}},
			}},
		},
	}, metav1.CreateOptions{})
	must(t, err)
	stop := restore.Scale(p.cluster, "going", "statefulset/db")
	_, err = restore.Swap(stuck(t), p.cluster, s, "going", "data-db-0", restore.SwapOptions{Stop: stop})
	if err == nil || !strings.Contains(err.Error(), "whenScaled") {
		t.Errorf("got %v", err)
	}
	set, err := p.Client.AppsV1().StatefulSets("going").Get(stuck(t), "db", metav1.GetOptions{})
	must(t, err)
	if *set.Spec.Replicas != 1 {
		t.Errorf("it was scaled to %d", *set.Spec.Replicas)
	}
	p.asBefore(t, "going", "data-db-0", old)

	// What stops it deletes the claim all the same: the volume is kept, and the claim comes back.
	_, err = restore.Swap(stuck(t), p.cluster, s, "going", "data-db-0", restore.SwapOptions{
		Stop: func(ctx context.Context) (func(context.Context) error, error) {
			err := p.Client.CoreV1().PersistentVolumeClaims("going").Delete(ctx, "data-db-0", metav1.DeleteOptions{})
			p.Gone(t, claims, "going", "data-db-0")
			return func(context.Context) error { return nil }, err
		},
	})
	if err == nil {
		t.Error("a claim that is gone was swapped")
	}
	p.asBefore(t, "going", "data-db-0", old)
	p.holds(t, "going", "data-db-0", "monday")

	// The owner is a pod that is there: the claim of another one would be collected as garbage.
	pod, err := p.Client.CoreV1().Pods("going").Create(stuck(t), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "owner"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i"}}},
	}, metav1.CreateOptions{})
	must(t, err)
	p.patch(t, claims, "going", "data-db-0", fmt.Sprintf(
		`{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"owner","uid":%q}]}}`, pod.UID))
	if _, err := restore.Swap(stuck(t), p.cluster, s, "going", "data-db-0", restore.SwapOptions{}); err == nil ||
		!strings.Contains(err.Error(), "pod owns") {
		t.Errorf("of a pod's claim: %v", err)
	}
}

// discardAgainTest: a discard whose answer was lost is done again, and a swap that is being discarded is not undone.
func discardAgainTest(t *testing.T, p *place) {
	p.Namespace(t, "discards")
	p.claim(t, "discards", "db", "monday")
	s := p.snapshot(t, "discards", "s", "db")
	done, err := restore.Swap(stuck(t), p.cluster, s, "discards", "db", restore.SwapOptions{Safety: given(&s)})
	must(t, err)
	p.Until(t, volumes, "", done.Old, func(o *unstructured.Unstructured) bool {
		phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
		return phase == "Released"
	})
	p.patch(t, volumes, "", done.Old, `{"metadata":{"finalizers":["test.example/stay"]}}`)
	cluster, _ := p.faulty(t, fault{at: 1, sent: true, killed: true})
	if err := restore.Discard(stuck(t), cluster, done.Old); err == nil {
		t.Fatal("a killed discard has ended")
	}
	if _, err := restore.Undo(stuck(t), p.cluster, "discards", "db", nil); !errors.Is(err, restore.ErrNoSwap) {
		t.Errorf("undone while it is discarded: %v", err)
	}
	before, again := p.annotation(t, done.Old, swapLabel), make(chan error, 1)
	go func() { again <- restore.Discard(context.Background(), p.cluster, done.Old) }()
	p.Until(t, volumes, "", done.Old, func(o *unstructured.Unstructured) bool {
		return o.GetAnnotations()[swapLabel] != before // it has begun
	})
	p.patch(t, volumes, "", done.Old, `{"metadata":{"finalizers":null}}`)
	must(t, <-again)
}

func (p *place) annotation(t *testing.T, volume, key string) string {
	t.Helper()
	pv, err := p.Client.CoreV1().PersistentVolumes().Get(stuck(t), volume, metav1.GetOptions{})
	must(t, err)
	return pv.Annotations[key]
}
