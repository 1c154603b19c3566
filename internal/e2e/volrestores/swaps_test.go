package volrestores

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/restore"
)

const swapLabel = "clustersnap.github.io/swap"

// swapTest: in place, back, and in place for good.
func swapTest(t *testing.T, p *place) {
	p.Namespace(t, "swaps")
	p.claim(t, "swaps", "db", "monday")
	p.patch(t, claims, "swaps", "db", `{"metadata":{"labels":{"app":"db"},"annotations":{"owner":"team"}}}`)
	monday := p.snapshot(t, "swaps", "monday", "db")
	p.write(t, "swaps", "db", "tuesday")
	old := p.volume(t, "swaps", "db")

	done, err := restore.Swap(stuck(t), p.cluster, monday, "swaps", "db", restore.SwapOptions{})
	must(t, err)
	want := restore.Swapped{
		Namespace: "swaps", Claim: "db", State: restore.Bound, Old: old, New: p.volume(t, "swaps", "db"), Safety: done.Safety,
	}
	if *done != want || done.New == old {
		t.Errorf("got %+v, want %+v", *done, want)
	}
	p.holds(t, "swaps", "db", "monday")
	if names := p.names(t, claims, "swaps", "app=db"); len(names) != 1 {
		t.Error("the label is lost")
	}
	if policy := p.policy(t, old); policy != corev1.PersistentVolumeReclaimRetain {
		t.Errorf("the old volume has policy %s", policy)
	}
	safety := p.seen(t, "swaps", done.Safety)
	if !safety.Ready || safety.Claim != "db" {
		t.Errorf("the safety snapshot is %+v", safety)
	}
	const purpose = "clustersnap.github.io/purpose=safety" // backups are counted without it
	if names := p.names(t, csibed.Snapshots, "swaps", purpose); !slices.Equal(names, []string{safety.Name}) {
		t.Errorf("%q have the label of a safety snapshot", names)
	}
	if names := p.names(t, csibed.Contents, "", purpose); !slices.Contains(names, safety.Content) {
		t.Errorf("of the contents, %q have it", names)
	}

	undone, err := restore.Undo(stuck(t), p.cluster, "swaps", "db", nil)
	must(t, err)
	if undone.PV != old || undone.Kept != done.New || p.policy(t, done.New) != corev1.PersistentVolumeReclaimRetain {
		t.Errorf("undone: %+v", *undone)
	}
	p.asBefore(t, "swaps", "db", old)
	p.holds(t, "swaps", "db", "tuesday")
	if _, err := restore.Undo(stuck(t), p.cluster, "swaps", "db", nil); !errors.Is(err, restore.ErrNoSwap) {
		t.Errorf("undone again: %v", err)
	}
	if err := restore.Discard(stuck(t), p.cluster, old); !errors.Is(err, restore.ErrNoSwap) {
		t.Errorf("discard a volume in use: %v", err)
	}

	_, handle := p.DriverOf(t, "swaps", "db")
	_, err = restore.Swap(stuck(t), p.cluster, safety, "swaps", "db", restore.SwapOptions{})
	must(t, err)
	p.holds(t, "swaps", "db", "tuesday")
	must(t, restore.Discard(stuck(t), p.cluster, old))
	if slices.Contains(p.d.Volumes(), handle) {
		t.Error("the storage still has what was discarded")
	}
}

// asBefore fails the test unless a claim has its old volume, with nothing of a swap on it.
func (p *place) asBefore(t *testing.T, namespace, claim, old string) {
	t.Helper()
	if got := p.volume(t, namespace, claim); got != old {
		t.Errorf("the claim has volume %q, and had %q", got, old)
		return
	}
	p.Bound(t, namespace, claim)
	if policy := p.policy(t, old); policy != corev1.PersistentVolumeReclaimDelete {
		t.Errorf("the volume has policy %s", policy)
	}
	if slices.Contains(p.names(t, volumes, "", swapLabel), old) {
		t.Error("the volume has a swap written on it")
	}
}

// refusedSwapTest: nothing is changed by a swap that can't be.
func refusedSwapTest(t *testing.T, p *place) {
	p.Namespace(t, "refusals")
	p.claim(t, "refusals", "db", "text")
	p.claim(t, "refusals", "other", "text")
	s, others := p.snapshot(t, "refusals", "s", "db"), p.snapshot(t, "refusals", "o", "other")
	old := p.volume(t, "refusals", "db")
	stopped, started := 0, 0
	stop := func(context.Context) (func(context.Context) error, error) {
		stopped++
		return func(context.Context) error { started++; return nil }, nil
	}
	broken := errors.New("no space")
	give := func(s *volsnap.Snapshot, err error) func(context.Context) (*volsnap.Snapshot, error) {
		return func(context.Context) (*volsnap.Snapshot, error) { return s, err }
	}
	for name, test := range map[string]struct {
		of   volsnap.Snapshot
		opts restore.SwapOptions
		want error
		stop int
	}{
		"the class is of another driver": {s, restore.SwapOptions{StorageClass: "none", Stop: stop}, restore.ErrUnfit, 0},
		"the size is too small":          {s, restore.SwapOptions{Size: 1, Stop: stop}, restore.ErrUnfit, 0},
		"the safety snapshot fails":      {s, restore.SwapOptions{Safety: give(nil, broken), Stop: stop}, broken, 1},
		"there is none":                  {s, restore.SwapOptions{Safety: give(nil, nil), Stop: stop}, restore.ErrSafety, 1},
		"it is of another claim":         {s, restore.SwapOptions{Safety: give(&others, nil), Stop: stop}, restore.ErrSafety, 1},
		"it is not there": {
			s, restore.SwapOptions{Safety: give(&volsnap.Snapshot{Namespace: "refusals", Name: "x"}, nil), Stop: stop},
			restore.ErrSafety, 1,
		},
		"stopping fails": {s, restore.SwapOptions{Stop: func(context.Context) (func(context.Context) error, error) {
			stopped++
			return func(context.Context) error { started++; return nil }, broken
		}}, broken, 1},
	} {
		stopped, started = 0, 0
		_, err := restore.Swap(stuck(t), p.cluster, test.of, "refusals", "db", test.opts)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
		if stopped != test.stop || started != test.stop {
			t.Errorf("%s: stopped %d and started %d times, want %d", name, stopped, started, test.stop)
		}
		p.asBefore(t, "refusals", "db", old)
	}

	pod := object("v1", "Pod", "refusals", "web", map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{"name": "c", "image": "i"}},
		"volumes":    []any{map[string]any{"name": "v", "persistentVolumeClaim": map[string]any{"claimName": "db"}}},
	}})
	p.Create(t, pods, pod)
	_, err := restore.Swap(stuck(t), p.cluster, s, "refusals", "db", restore.SwapOptions{})
	if !errors.Is(err, restore.ErrInUse) || !strings.Contains(err.Error(), "web") {
		t.Errorf("with a pod: %v", err)
	}
	p.asBefore(t, "refusals", "db", old)
}

// scaledTest: a Deployment is stopped for the swap and started again, as many as it had.
func scaledTest(t *testing.T, p *place) {
	p.Namespace(t, "scaled")
	p.claim(t, "scaled", "db", "monday")
	monday := p.snapshot(t, "scaled", "monday", "db")
	p.write(t, "scaled", "db", "tuesday")
	two, labels := int32(2), map[string]string{"app": "db"}
	_, err := p.Client.AppsV1().Deployments("scaled").Create(stuck(t), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "db"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &two, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{
				Containers: []corev1.Container{{Name: "c", Image: "i"}},
				Volumes: []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{
					PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "db"},
				}}},
			}},
		},
	}, metav1.CreateOptions{})
	must(t, err)
	_, err = restore.Swap(stuck(t), p.cluster, monday, "scaled", "db", restore.SwapOptions{
		Stop: restore.Scale(p.cluster, "scaled", "deployment/db"),
	})
	must(t, err)
	p.holds(t, "scaled", "db", "monday")
	p.replicas(t, "scaled", "db", 2)
	_, err = restore.Undo(stuck(t), p.cluster, "scaled", "db", restore.Scale(p.cluster, "scaled", "deployment/db"))
	must(t, err)
	p.holds(t, "scaled", "db", "tuesday")
	p.replicas(t, "scaled", "db", 2)

	// A process that was killed after it had scaled down.
	_, err = restore.Scale(p.cluster, "scaled", "deployment/db")(stuck(t))
	must(t, err)
	p.replicas(t, "scaled", "db", 0)
	start, err := restore.Scale(p.cluster, "scaled", "deployment/db")(stuck(t))
	must(t, err)
	must(t, start(stuck(t)))
	p.replicas(t, "scaled", "db", 2)
	if _, err := restore.Scale(p.cluster, "scaled", "job/db")(stuck(t)); err == nil {
		t.Error("a job was scaled")
	}
}

func (p *place) replicas(t *testing.T, namespace, name string, want int32) {
	t.Helper()
	d, err := p.Client.AppsV1().Deployments(namespace).Get(stuck(t), name, metav1.GetOptions{})
	must(t, err)
	if *d.Spec.Replicas != want || want > 0 && d.Annotations["clustersnap.github.io/replicas"] != "" {
		t.Errorf("it has %d replicas and the notes %v, want %d", *d.Spec.Replicas, d.Annotations, want)
	}
}

// brokenSwapTest breaks the connection at each write of a swap, before it is sent and before its answer comes, and kills the
// swap there. What is left is the one or the other state, or can be made either of them.
func brokenSwapTest(t *testing.T, p *place) {
	p.Namespace(t, "broken")
	b := newBroken(t, p, "whole")
	// The journal twice, the claim's end, the new claim, the journal; and again what a controller has written meanwhile.
	const all = 5
	writes, err := b.swap(t, fault{})
	must(t, err)
	b.back(t)
	if writes < all {
		t.Fatalf("a swap has %d writes", writes)
	}
	for at := 1; at <= all; at++ {
		for _, sent := range []bool{false, true} {
			name := fmt.Sprintf("%d-%v", at, sent)
			t.Run("lost at "+name, func(t *testing.T) {
				t.Parallel()
				b := newBroken(t, p, "lost-"+name)
				if _, err := b.swap(t, fault{at: at, sent: sent}); !errors.Is(err, errFault) {
					t.Fatalf("got %v", err)
				}
				p.asBefore(t, "broken", b.claim, b.old)
				p.holds(t, "broken", b.claim, "tuesday")
			})
			t.Run("killed at "+name+" and undone", func(t *testing.T) {
				t.Parallel()
				b := newBroken(t, p, "undone-"+name)
				if _, err := b.swap(t, fault{at: at, sent: sent, killed: true}); err == nil {
					t.Fatal("a killed swap has ended")
				}
				b.back(t)
			})
			t.Run("killed at "+name+" and gone on with", func(t *testing.T) {
				t.Parallel()
				b := newBroken(t, p, "goneon-"+name)
				if _, err := b.swap(t, fault{at: at, sent: sent, killed: true}); err == nil {
					t.Fatal("a killed swap has ended")
				}
				if at < all || !sent { // else it had ended, and another call would be another swap
					_, err := b.swap(t, fault{})
					must(t, err)
				}
				p.holds(t, "broken", b.claim, "monday")
				b.back(t)
			})
		}
	}
}

// broken is a claim that is swapped over a bad connection.
type broken struct {
	*place
	claim, old     string
	monday, safety volsnap.Snapshot
}

func newBroken(t *testing.T, p *place, claim string) *broken {
	t.Helper()
	b := &broken{place: p, claim: claim}
	p.claim(t, "broken", claim, "monday")
	b.monday = p.snapshot(t, "broken", claim+"-monday", claim)
	p.write(t, "broken", claim, "tuesday")
	b.old, b.safety = p.volume(t, "broken", claim), p.snapshot(t, "broken", claim+"-safety", claim)
	return b
}

// swap gives how many writes there were.
func (b *broken) swap(t *testing.T, f fault) (int, error) {
	t.Helper()
	cluster, writes := b.faulty(t, f)
	_, err := restore.Swap(stuck(t), cluster, b.monday, "broken", b.claim, restore.SwapOptions{
		Safety: func(context.Context) (*volsnap.Snapshot, error) { return &b.safety, nil },
	})
	return writes(), err
}

// back undoes what a swap has done, if it has done anything.
func (b *broken) back(t *testing.T) {
	t.Helper()
	_, err := restore.Undo(stuck(t), b.cluster, "broken", b.claim, nil)
	if err != nil && !errors.Is(err, restore.ErrNoSwap) {
		t.Fatal(err)
	}
	b.asBefore(t, "broken", b.claim, b.old)
	b.holds(t, "broken", b.claim, "tuesday")
}
