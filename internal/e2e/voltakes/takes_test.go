package voltakes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed/driver"
	"github.com/clustersnap/clustersnap/volsnap"
)

// All of them share one control plane, each with a namespace of its own.
func TestTakes(t *testing.T) {
	disk, share := driver.Start(t, driver.Options{}), driver.Start(t, driver.Options{Name: "share.csi.test"})
	p := newPlace(t, csibed.Options{Drivers: []*driver.Driver{disk, share}})
	for _, test := range []struct {
		name string
		run  func(*place)
	}{
		{"one", one}, {"fifty", fifty}, {"everything is accounted for", accounted}, {"killed", killed},
		{"few rights", fewRights}, {"group", group}, {"group without a class", groupWithoutClass}, {"pods that share", shared},
		{"class gone", classGone}, {"driver fails", driverFails}, {"at rest too long", tooLong}, {"a panic", panics},
		{"documented rights", documented}, {"group that can't be pinned", unpinnedGroup}, {"few rights to groups", fewGroupRights},
		{"few rights to contents", fewContentRights}, {"member missing", memberMissing}, {"class that keeps", tooLongKept},
		{"two runs", twoRuns}, {"group that can't be cut", groupHopeless}, {"group when the time is over", groupOver},
		{"driver without groups", groupless}, {"class gone later", classGoneLater}, {"pods of an old plan", stalePods},
		{"group begun apart", groupApart}, {"group of a class that keeps", groupOverKept},
		{"group that is dissolved and kept", groupDissolvedKept},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(p.with(t)) })
	}
}

func one(p *place) {
	p.fill("one", p.Drivers[0], "data")
	c, made := p.cluster()
	plan := p.plan(c, "one")
	clear(made.of)
	account := p.take(c, plan, volsnap.TakeOptions{Run: "one", Ready: true})
	s := account.Volumes[0].Snapshot
	want := volsnap.Snapshot{
		Namespace: "one", Name: s.Name, UID: s.UID, Run: "one", Claim: "data", Content: "snapcontent-" + s.UID,
		Driver: p.Drivers[0].Name, Class: p.Drivers[0].Name, Handle: s.Handle, Volume: plan.Volumes[0].Handle, Cut: s.Cut,
		Ready: true, RestoreSize: 1 << 20, Mode: "Filesystem", Pinned: true,
	}
	if *s != want || !slices.Contains(p.Drivers[0].Snapshots(), s.Handle) || s.Cut.IsZero() {
		p.Errorf("snapshot is %+v, want %+v; the driver has %v", *s, want, p.Drivers[0].Snapshots())
	}
	listed, err := c.List(p.ctx, []string{"one", "one"}, "one")
	must(p, err)
	if len(listed) != 1 || listed[0] != want {
		p.Errorf("listed is %+v, want %+v", listed, want)
	}
	waited, err := c.Wait(p.ctx, listed)
	must(p, err)
	if len(waited) != 1 || waited[0] != want {
		p.Errorf("waited for is %+v, want %+v", waited, want)
	}
	d, err := c.Diagnose(p.ctx, "one", s.Name)
	must(p, err)
	if d.Cause != volsnap.CauseReady {
		p.Errorf("diagnosis of a ready one is %v", d)
	}
}

// fifty is what a run asks of the API server: a create and a patch for each, and a handful.
func fifty(p *place) {
	p.fill("fifty", p.Drivers[0], names(50)...)
	c, made := p.cluster()
	plan := p.plan(c, "fifty")
	clear(made.of)
	var told []string
	opts := volsnap.TakeOptions{Run: "fifty", InFlight: 5, Each: func(r volsnap.Result) { told = append(told, r.Claim) }}
	first := p.take(c, plan, opts)
	want := map[string]int{
		"create volumesnapshots": 50, "patch volumesnapshotcontents": 50, "list volumesnapshots": 2, "watch volumesnapshots": 1,
		"list volumesnapshotcontents": 1, "watch volumesnapshotcontents": 2,
	}
	if !maps.Equal(made.of, want) {
		p.Errorf("asked for %v, want %v", made.of, want)
	}
	if slices.Sort(told); len(slices.Compact(told)) != 50 {
		p.Errorf("told of %v", told)
	}
	clear(made.of)
	second := p.take(c, plan, opts)
	if made.of["create volumesnapshots"] > 0 || made.of["patch volumesnapshotcontents"] > 0 {
		p.Errorf("a second call made %v", made.of)
	}
	for i := range first.Volumes {
		if a, b := first.Volumes[i].Snapshot, second.Volumes[i].Snapshot; a.UID != b.UID || !b.Pinned || a.Cut != b.Cut {
			p.Errorf("the second call gives %+v, and the first %+v", b, a)
		}
	}
}

// accounted takes 200 claims of 5 namespaces and 2 drivers, 20 of which can't be snapshotted.
func accounted(p *place) {
	want := map[string]volsnap.Outcome{}
	for n := range 5 {
		namespace := fmt.Sprintf("app-%d", n)
		p.fill(namespace, p.Drivers[n%2], names(36)...)
		p.bind(namespace, "host", "none", corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/srv"}})
		p.bind(namespace, "nfs", "none", corev1.PersistentVolumeSource{NFS: &corev1.NFSVolumeSource{Server: "files", Path: "/srv"}})
		p.MakeClaim(p, csibed.Claim(namespace, "unbound", "none"))
		p.bind(namespace, "classless", "none", corev1.PersistentVolumeSource{
			CSI: &corev1.CSIPersistentVolumeSource{Driver: "other.csi.test", VolumeHandle: namespace},
		})
		for _, name := range names(36) {
			want[namespace+"/"+name] = volsnap.Snapshotted
		}
		for _, name := range []string{"host", "nfs", "unbound", "classless"} {
			want[namespace+"/"+name] = volsnap.NotSnapshottable
		}
	}
	want["app-0/nfs"] = volsnap.Snapshotted // by its own way
	want["app-1/nfs"] = volsnap.Failed
	c, _ := p.cluster()
	before := len(p.Drivers[0].Snapshots()) + len(p.Drivers[1].Snapshots())
	account, err := c.Take(p.ctx, p.plan(c, "app-0", "app-1", "app-2", "app-3", "app-4"), volsnap.TakeOptions{
		Run: "accounted", InFlight: 10, Own: func(_ context.Context, v volsnap.Volume) (*volsnap.Snapshot, error) {
			switch {
			case v.Source == "nfs" && v.Namespace == "app-0":
				return &volsnap.Snapshot{Namespace: v.Namespace, Claim: v.Claim, Handle: "filer-1"}, nil
			case v.Source == "nfs" && v.Namespace == "app-1":
				return nil, fmt.Errorf("the filer is full")
			}
			return nil, nil
		},
	})
	must(p, err)
	got := map[string]volsnap.Outcome{}
	for _, r := range account.Volumes {
		got[r.Namespace+"/"+r.Claim] = r.Outcome
		if r.Outcome == volsnap.NotSnapshottable && (r.Reason == "" || r.Detail == "") ||
			r.Outcome == volsnap.Failed && r.Error == "" {
			p.Errorf("nothing explains %+v", r)
		}
	}
	if len(account.Volumes) != 200 || !maps.Equal(got, want) {
		p.Errorf("%d volumes, outcomes are %v, want %v", len(account.Volumes), got, want)
	}
	if made := len(p.Drivers[0].Snapshots()) + len(p.Drivers[1].Snapshots()) - before; made != 180 {
		p.Errorf("the drivers have %d snapshots more, want 180", made)
	}
	known := []volsnap.Reason{volsnap.ReasonHostPath, volsnap.ReasonNFS, volsnap.ReasonUnbound, volsnap.ReasonNoClass}
	if account.Complete(known...) == nil {
		p.Error("an account with a volume that failed is complete")
	}
}

// shared is two pods that share claims: they rest together, and thaw in reverse order.
func shared(p *place) {
	p.fill("shared", p.Drivers[0], names(4)...)
	p.pod("shared", "a", "data-0", "data-1")
	p.pod("shared", "b", "data-1", "data-2")
	c, _ := p.cluster()
	plan := p.plan(c, "shared")
	var order []string
	account := p.take(c, plan, volsnap.TakeOptions{Run: "shared", Quiesce: func(_ context.Context, namespace, pod string) (
		func(context.Context) error, error,
	) {
		order = append(order, "freeze "+pod)
		return func(context.Context) error { order = append(order, "thaw "+pod); return nil }, nil
	}})
	if want := []string{"freeze a", "freeze b", "thaw b", "thaw a"}; !slices.Equal(order, want) {
		p.Errorf("the order is %q, want %q", order, want)
	}
	for i, want := range []int{1, 2, 1, 0} {
		if got := account.Volumes[i].Frozen; len(got) != want {
			p.Errorf("claim %d rested with %v, want %d pods", i, got, want)
		}
	}
}

// stalePods are others than those of the plan, as after an update of a Deployment: what rests is what runs, and that is told.
func stalePods(p *place) {
	p.fill("stale", p.Drivers[0], names(3)...)
	p.pod("stale", "old", "data-0")
	p.pod("stale", "gone", "data-1")
	p.pod("stale", "same", "data-2")
	c, _ := p.cluster()
	plan := p.plan(c, "stale")
	for _, name := range []string{"old", "gone"} {
		must(p, p.Client.CoreV1().Pods("stale").Delete(p.ctx, name, metav1.DeleteOptions{}))
	}
	p.pod("stale", "new", "data-0")
	var rested []string
	account := p.take(c, plan, volsnap.TakeOptions{
		Run: "stale", Quiesce: func(_ context.Context, _, pod string) (func(context.Context) error, error) {
			rested = append(rested, pod)
			return func(context.Context) error { return nil }, nil
		},
	})
	if slices.Sort(rested); !slices.Equal(rested, []string{"new", "same"}) {
		p.Errorf("at rest were %q, want those that are there", rested)
	}
	notes := strings.Join(account.Notes, "\n")
	if !strings.Contains(notes, "stale/data-0 is mounted by other pods than the plan says: by new now, then by old") ||
		!strings.Contains(notes, "stale/data-1 is mounted by other pods than the plan says: by none now, then by gone") ||
		len(account.Notes) != 2 {
		p.Errorf("notes are %q", account.Notes)
	}
	for i, want := range [][]string{{"new"}, nil, {"same"}} {
		if r := account.Volumes[i]; !slices.Equal(r.Pods, want) || len(r.Frozen) != len(want) {
			p.Errorf("claim %s has the pods %q, at rest were %v, want %q", r.Claim, r.Pods, r.Frozen, want)
		}
	}
	// Without the right to look, those of the plan are taken for what is there.
	blind := p.as("podless", without(p.rules(), "", "pods", "list"))
	account, err := blind.Take(p.ctx, plan, volsnap.TakeOptions{Run: "podless", Quiesce: atRest})
	must(p, err)
	if len(account.Notes) != 1 || !strings.Contains(account.Notes[0], "no right to list pods") ||
		!slices.Equal(account.Volumes[0].Pods, []string{"old"}) {
		p.Errorf("without a right to list pods notes are %q, pods %q", account.Notes, account.Volumes[0].Pods)
	}
}

// classGone is a state that can't heal: it ends at once, and leaves no snapshot.
func classGone(p *place) {
	p.fill("classgone", p.Drivers[0], "data")
	p.MakeClass(p, "short-lived", p.Drivers[0].Name)
	c, _ := p.cluster()
	plan, err := c.Plan(p.ctx, volsnap.Selection{Namespaces: []string{"classgone"}},
		volsnap.PlanOptions{Class: map[string]string{p.Drivers[0].Name: "short-lived"}})
	must(p, err)
	p.Controller.Stop(p) // which would take a class for there that it saw a moment ago
	must(p, p.Dynamic.Resource(csibed.Classes).Delete(p.ctx, "short-lived", metav1.DeleteOptions{}))
	p.Snapshot(p, "classgone", "stuck", "data", "short-lived")
	p.Controller.Start(p)
	if _, err := c.Wait(p.ctx, []volsnap.Snapshot{{Namespace: "classgone", Name: "stuck"}}); !errors.Is(err, volsnap.ErrStuck) {
		p.Errorf("the wait has ended with %v", err)
	}
	must(p, p.Dynamic.Resource(csibed.Snapshots).Namespace("classgone").Delete(p.ctx, "stuck", metav1.DeleteOptions{}))
	p.failsWith(c, plan, volsnap.TakeOptions{Run: "classgone"}, volsnap.CauseClassMissing, 0)
}

// classGoneLater is a class that goes after the content was made, before a sidecar has looked at it: the controller says nothing,
// and the sidecar complains for ever.
func classGoneLater(p *place) {
	p.fill("classlater", p.Drivers[0], "data")
	p.MakeClass(p, "gone-later", p.Drivers[0].Name)
	c, _ := p.cluster()
	plan, err := c.Plan(p.ctx, volsnap.Selection{Namespaces: []string{"classlater"}},
		volsnap.PlanOptions{Class: map[string]string{p.Drivers[0].Name: "gone-later"}})
	must(p, err)
	sidecar := p.Sidecars[p.Drivers[0].Name]
	sidecar.Stop(p)
	ctx, cancel := context.WithCancel(p.ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		defer cancel()
		p.Until(p, csibed.Snapshots, "classlater", "", func(o *unstructured.Unstructured) bool {
			_, bound, _ := unstructured.NestedString(o.Object, "status", "boundVolumeSnapshotContentName")
			return bound
		})
	})
	short := *p
	short.ctx = ctx
	r := short.failsWith(c, plan, volsnap.TakeOptions{Run: "classlater"}, volsnap.CauseNoSidecar, 1)
	watching.Wait()
	must(p, p.Dynamic.Resource(csibed.Classes).Delete(p.ctx, "gone-later", metav1.DeleteOptions{}))
	sidecar.Start(p)
	if _, err := c.Wait(p.ctx, []volsnap.Snapshot{*r.Snapshot}); !errors.Is(err, volsnap.ErrStuck) {
		p.Errorf("the wait has ended with %v", err)
	}
	p.failsWith(c, plan, volsnap.TakeOptions{Run: "classlater"}, volsnap.CauseClassMissing, 0)
}

// failsWith takes the only claim of a plan, which fails for a cause, and counts what is left.
func (p *place) failsWith(c *volsnap.Cluster, plan *volsnap.Plan, opts volsnap.TakeOptions, cause volsnap.Cause, left int) volsnap.Result {
	p.Helper()
	account, err := c.Take(p.ctx, plan, opts)
	must(p, err)
	r := account.Volumes[0]
	if r.Outcome != volsnap.Failed || r.Cause != cause || r.Error == "" || (r.Snapshot != nil) != (left > 0) {
		p.Errorf("result is %+v, want the cause %s", r, cause)
	}
	background, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if left == 0 && r.Snapshot == nil {
		list, err := p.Dynamic.Resource(csibed.Snapshots).Namespace(plan.Volumes[0].Namespace).List(background, metav1.ListOptions{})
		must(p, err)
		for _, o := range list.Items {
			p.Gone(p, csibed.Snapshots, o.GetNamespace(), o.GetName()) // as soon as its finalizers are
		}
	}
	if account.Complete() == nil {
		p.Error("the account is complete")
	}
	return r
}
