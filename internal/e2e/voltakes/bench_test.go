package voltakes

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/volsnap"
)

// benchClaims is how many claims are taken at once.
const benchClaims = 50

// BenchmarkFreeze takes claims from controllers with the limits that they come with, and with raised ones, each claim with a
// pod of its own at rest, in turn with what other tools do: create all, and wait until all are ready. Figures are of the last
// pair: for how long pods rest (freeze), what it takes until all is cut (wall), and how much that is of the others'
// (of-all-at-once).
func BenchmarkFreeze(b *testing.B) {
	for _, limits := range benchLimits {
		b.Run("limits="+limits.name, func(b *testing.B) {
			p := benchPlace(b, limits.qps)
			for _, test := range []struct {
				claims   []string
				inFlight int
			}{{names(1), 1}, {names(benchClaims), 1}, {names(benchClaims), 4}} {
				b.Run(fmt.Sprintf("claims=%d/inflight=%d", len(test.claims), test.inFlight), func(b *testing.B) {
					for b.Loop() {
						p := &place{b, p.Bed, b.Context()} // it takes longer than what is stuck elsewhere
						theirs, wait := p.allAtOnce(test.claims)
						ours, rests := p.inTurn(test.claims, volsnap.TakeOptions{InFlight: test.inFlight})
						report(b, ours, theirs, rests, wait)
					}
				})
			}
		})
	}
}

// BenchmarkGroups takes the claims as one group, at one instant, in turn with a tool that makes a VolumeGroupSnapshot and waits
// until all of its members are ready.
func BenchmarkGroups(b *testing.B) {
	for _, limits := range benchLimits {
		b.Run("limits="+limits.name, func(b *testing.B) {
			p := benchPlace(b, limits.qps)
			for _, claims := range [][]string{names(2), names(benchClaims)} { // one alone makes no group
				b.Run(fmt.Sprintf("claims=%d", len(claims)), func(b *testing.B) {
					for b.Loop() {
						p := &place{b, p.Bed, b.Context()}
						theirs, wait := p.oneGroup(claims)
						ours, rests := p.inTurn(claims, volsnap.TakeOptions{Group: all})
						report(b, ours, theirs, rests, wait)
					}
				})
			}
		})
	}
}

// benchLimits are calls per second of each controller.
var benchLimits = []struct {
	name string
	qps  int
}{{"stock", csibed.Stock}, {"50", 50}, {"500", 500}}

// benchPlace has the claims, each with a pod.
func benchPlace(b *testing.B, qps int) *place {
	b.Helper()
	p := newPlace(b, csibed.Options{QPS: qps})
	p.Namespace(b, "bench")
	p.Claims(b, "bench", p.Drivers[0].Name, names(benchClaims)...)
	for _, claim := range names(benchClaims) {
		p.pod("bench", "pod-of-"+claim, claim)
	}
	return p
}

func report(b *testing.B, ours, theirs time.Duration, rests, waits []time.Duration) {
	b.ReportMetric(ours.Seconds(), "wall-s")
	b.ReportMetric(ours.Seconds()/theirs.Seconds(), "of-all-at-once")
	b.ReportMetric(middle(rests).Seconds(), "freeze-p50-s")
	b.ReportMetric(slices.Max(rests).Seconds(), "freeze-max-s")
	b.ReportMetric(middle(waits).Seconds(), "all-at-once-freeze-p50-s")
}

func middle(all []time.Duration) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

// settle gives the controllers the calls back that they may save up: 10, at 5 a second.
const settle = 5 * time.Second

// allAtOnce creates a snapshot of each claim and waits until each is ready, and gives how long that took for each.
func (p *place) allAtOnce(claims []string) (time.Duration, []time.Duration) {
	p.Helper()
	time.Sleep(settle)
	since := time.Now()
	for _, name := range claims {
		p.Snapshot(p, "bench", name, name, p.Drivers[0].Name)
	}
	return p.allReady(claims, since)
}

// oneGroup creates a group of claims and waits until each member is ready, and gives how long that took for each.
func (p *place) oneGroup(claims []string) (time.Duration, []time.Duration) {
	p.Helper()
	label := fmt.Sprintf("of-%d", len(claims))
	for _, name := range claims {
		_, err := p.Client.CoreV1().PersistentVolumeClaims("bench").Patch(p.ctx, name, types.MergePatchType,
			[]byte(`{"metadata": {"labels": {"`+label+`": "true"}}}`), metav1.PatchOptions{})
		must(p, err)
	}
	time.Sleep(settle)
	since := time.Now()
	p.Create(p, csibed.Groups, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": csibed.Groups.GroupVersion().String(), "kind": "VolumeGroupSnapshot",
		"metadata": map[string]any{"namespace": "bench", "name": label},
		"spec": map[string]any{
			"volumeGroupSnapshotClassName": p.Drivers[0].Name,
			"source":                       map[string]any{"selector": map[string]any{"matchLabels": map[string]any{label: "true"}}},
		},
	}})
	return p.allReady(claims, since)
}

// allReady waits until there is a ready snapshot of each claim, and removes them.
func (p *place) allReady(claims []string, since time.Time) (time.Duration, []time.Duration) {
	p.Helper()
	var waits []time.Duration
	seen := map[string]bool{}
	w, err := p.Dynamic.Resource(csibed.Snapshots).Namespace("bench").Watch(p.ctx, metav1.ListOptions{ResourceVersion: "0"})
	must(p, err)
	defer w.Stop()
	for e := range w.ResultChan() {
		o, ok := e.Object.(*unstructured.Unstructured)
		if !ok {
			p.Fatalf("the watch tells of a %T", e.Object)
		}
		if ready, _, _ := unstructured.NestedBool(o.Object, "status", "readyToUse"); ready && !seen[o.GetName()] {
			seen[o.GetName()] = true
			waits = append(waits, time.Since(since))
		}
		if len(seen) == len(claims) {
			break
		}
	}
	wall := time.Since(since)
	p.removeAll("bench")
	return wall, waits
}

// inTurn takes the claims, each with a pod, and gives for how long each pod was at rest.
func (p *place) inTurn(claims []string, opts volsnap.TakeOptions) (time.Duration, []time.Duration) {
	p.Helper()
	c, _ := p.cluster()
	var selected []string
	for _, name := range claims {
		selected = append(selected, "bench/"+name)
	}
	plan, err := c.Plan(p.ctx, volsnap.Selection{Claims: selected}, volsnap.PlanOptions{})
	must(p, err)
	time.Sleep(settle)
	opts.Run, opts.Quiesce, opts.CutLimit = "bench", atRest, time.Hour
	account := p.take(c, plan, opts)
	if len(account.Notes) > 0 {
		p.Fatalf("notes are %q", account.Notes)
	}
	var rests []time.Duration
	for _, r := range account.Volumes {
		for _, f := range r.Frozen {
			rests = append(rests, f.For)
		}
	}
	p.unpin("bench")
	p.removeAll("bench")
	return account.Ended.Sub(account.Started), rests
}

// atRest is a hook that does nothing, so that what is measured is the time that one would be at rest.
func atRest(context.Context, string, string) (func(context.Context) error, error) {
	return func(context.Context) error { return nil }, nil
}

// unpin gives contents of a run the policy back that the class has.
func (p *place) unpin(run string) {
	p.Helper()
	selector := metav1.ListOptions{LabelSelector: "clustersnap.github.io/run=" + run}
	for _, at := range []schema.GroupVersionResource{csibed.Contents, csibed.GroupContents} {
		list, err := p.Dynamic.Resource(at).List(p.ctx, selector)
		must(p, err)
		for _, o := range list.Items {
			_, err := p.Dynamic.Resource(at).Patch(p.ctx, o.GetName(), types.MergePatchType,
				[]byte(`{"spec":{"deletionPolicy":"Delete"}}`), metav1.PatchOptions{})
			must(p, err)
		}
	}
}

// removeAll deletes all groups and snapshots of a namespace and waits until their contents are gone.
func (p *place) removeAll(namespace string) {
	p.Helper()
	for _, at := range []schema.GroupVersionResource{csibed.Groups, csibed.Snapshots} {
		must(p, p.Dynamic.Resource(at).Namespace(namespace).DeleteCollection(p.ctx, metav1.DeleteOptions{}, metav1.ListOptions{}))
	}
	for at, ref := range map[schema.GroupVersionResource]string{
		csibed.Contents: "volumeSnapshotRef", csibed.GroupContents: "volumeGroupSnapshotRef",
	} {
		list, err := p.Dynamic.Resource(at).List(p.ctx, metav1.ListOptions{})
		must(p, err)
		for _, o := range list.Items {
			if ns, _, _ := unstructured.NestedString(o.Object, "spec", ref, "namespace"); ns == namespace {
				p.gone(at, o.GetName())
			}
		}
	}
}

// gone waits without the limit of what is stuck: at the limits that controllers come with, many go slowly.
func (p *place) gone(at schema.GroupVersionResource, name string) {
	p.Helper()
	must(p, wait.PollUntilContextCancel(p.ctx, time.Second, true, func(ctx context.Context) (bool, error) {
		_, err := p.Dynamic.Resource(at).Get(ctx, name, metav1.GetOptions{})
		return apierrors.IsNotFound(err), ctx.Err()
	}))
}
