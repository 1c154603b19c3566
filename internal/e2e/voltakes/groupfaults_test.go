package voltakes

import (
	"context"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed/driver"
	"github.com/clustersnap/clustersnap/volsnap"
)

// memberMissing is a group that was cut before one of its claims was in the plan: that claim fails, and holds up no other.
func memberMissing(p *place) {
	p.fill("missing", p.Drivers[0], names(2)...)
	c, _ := p.cluster()
	opts := volsnap.TakeOptions{Run: "missing", Group: func(v volsnap.Volume) string {
		if strings.HasPrefix(v.Claim, "data-") {
			return "data"
		}
		return ""
	}}
	p.take(c, p.plan(c, "missing"), opts)
	p.claim("missing", "data-2", p.Drivers[0])
	p.claim("missing", "lone", p.Drivers[0])
	account, err := c.Take(p.ctx, p.plan(c, "missing"), opts) // whose context lasts for minutes
	must(p, err)
	for _, r := range account.Volumes {
		switch {
		case r.Claim == "data-2":
			if r.Outcome != volsnap.Failed || r.Cause != volsnap.CauseOtherVolume || !strings.Contains(r.Error, "another id") {
				p.Errorf("the claim that came late: %+v", r)
			}
		case r.Outcome != volsnap.Snapshotted || len(r.Lacking) > 0 || !r.Snapshot.Pinned:
			p.Errorf("claim %s: %+v", r.Claim, r)
		}
	}
}

// keeping is a driver of the place with classes that keep what was cut, and a plan by them. Its group class is the only one.
func (p *place) keeping(c *volsnap.Cluster, namespace string) *volsnap.Plan {
	p.Helper()
	d := p.Drivers[0]
	name := namespace + "-keep"
	p.Create(p, csibed.Classes, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": csibed.Classes.GroupVersion().String(), "kind": "VolumeSnapshotClass",
		"metadata": map[string]any{"name": name}, "driver": d.Name, "deletionPolicy": "Retain",
	}})
	p.Create(p, csibed.GroupClasses, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": csibed.GroupClasses.GroupVersion().String(), "kind": "VolumeGroupSnapshotClass",
		"metadata": map[string]any{
			"name":        name,
			"annotations": map[string]any{"groupsnapshot.storage.kubernetes.io/is-default-class": "true"},
		},
		"driver": d.Name, "deletionPolicy": "Retain",
	}})
	p.Cleanup(func() {
		background := context.WithoutCancel(p.ctx)
		must(p, p.Dynamic.Resource(csibed.Classes).Delete(background, name, metav1.DeleteOptions{}))
		must(p, p.Dynamic.Resource(csibed.GroupClasses).Delete(background, name, metav1.DeleteOptions{}))
	})
	plan, err := c.Plan(p.ctx, volsnap.Selection{Namespaces: []string{namespace}},
		volsnap.PlanOptions{Class: map[string]string{d.Name: name}})
	must(p, err)
	return plan
}

// tooLongKept is a snapshot that is given up, of a class that keeps: it is left, and told, because the storage's own would be.
func tooLongKept(p *place) {
	p.fill("kept", p.Drivers[0], "data")
	c, _ := p.cluster()
	p.pod("kept", "db", "data")
	plan := p.keeping(c, "kept")
	p.Drivers[0].Set(driver.Temper{CreateTime: 3 * time.Second})
	defer p.Drivers[0].Set(driver.Temper{})
	p.failsWith(c, plan, volsnap.TakeOptions{Run: "kept", CutLimit: time.Second, Quiesce: atRest}, volsnap.CauseTooLong, 1)
}

// twoRuns are two over the same group at once.
func twoRuns(p *place) {
	p.fill("tworuns", p.Drivers[0], names(4)...)
	c, _ := p.cluster()
	plan := p.plan(c, "tworuns")
	var running sync.WaitGroup
	for _, run := range []string{"tworuns-a", "tworuns-b"} {
		running.Go(func() {
			account, err := c.Take(p.ctx, plan, volsnap.TakeOptions{Run: run, Group: all})
			if err == nil {
				err = account.Complete()
			}
			if err != nil || len(account.Notes) > 0 {
				p.Errorf("run %s: %v, notes %q", run, err, account.Notes)
			}
		})
	}
	running.Wait()
	p.unlabelled()
}

// groupHopeless is a group of whose claims the controller finds none, because somebody takes the labels off: it is cut one by
// one long before the limit, which is that of the test.
func groupHopeless(p *place) {
	p.fill("hopeless", p.Drivers[0], names(2)...)
	p.pod("hopeless", "db", names(2)...)
	c, _ := p.cluster()
	plan := p.plan(c, "hopeless")
	bare := func(ctx context.Context, namespace, _ string) (func(context.Context) error, error) {
		claims := p.Client.CoreV1().PersistentVolumeClaims(namespace)
		for _, name := range names(2) {
			if _, err := claims.Patch(ctx, name, types.JSONPatchType, []byte(`[{"op": "remove", "path": "/metadata/labels"}]`),
				metav1.PatchOptions{}); err != nil {
				return nil, err
			}
			if _, err := claims.Patch(ctx, name, types.MergePatchType, []byte(`{"metadata": {"labels": {"claim": "x"}}}`),
				metav1.PatchOptions{}); err != nil {
				return nil, err
			}
		}
		return func(context.Context) error { return nil }, nil
	}
	account := p.take(c, plan, volsnap.TakeOptions{Run: "hopeless", Group: all, CutLimit: time.Hour, Quiesce: bare})
	if notes := strings.Join(account.Notes, "\n"); !strings.Contains(notes, "no claim has the labels") {
		p.Errorf("notes are %q", notes)
	}
}

// groupApart is a group of which an earlier call has cut a claim alone: the others are cut alone as well, and none has two.
func groupApart(p *place) {
	p.fill("apart", p.Drivers[0], names(3)...)
	c, made := p.cluster()
	plan := p.plan(c, "apart")
	one := *plan
	one.Volumes = plan.Volumes[:1]
	before := len(p.Drivers[0].Snapshots())
	p.take(c, &one, volsnap.TakeOptions{Run: "apart"})
	account := p.take(c, plan, volsnap.TakeOptions{Run: "apart", Group: all})
	if notes := strings.Join(account.Notes, "\n"); !strings.Contains(notes, "an earlier call has begun to cut its claims one by one") {
		p.Errorf("notes are %q", notes)
	}
	if cut := len(p.Drivers[0].Snapshots()) - before; cut != 3 || made.of["create volumegroupsnapshots"] > 0 {
		p.Errorf("the driver has %d snapshots more, want 3; asked for were %v", cut, made.of)
	}
	p.unlabelled()
}

// groupOver is a group that is not cut when the time of the run is over: nobody cuts it later, of pods that write again.
func groupOver(p *place) {
	p.fill("over", p.Drivers[0], names(2)...)
	p.pod("over", "db", names(2)...)
	c, _ := p.cluster()
	plan := p.plan(c, "over")
	sidecar := p.Sidecars[p.Drivers[0].Name]
	sidecar.Stop(p)
	defer sidecar.Start(p)
	ctx, cancel := context.WithTimeout(p.ctx, 3*time.Second)
	defer cancel()
	account, err := c.Take(ctx, plan, volsnap.TakeOptions{Run: "over", Group: all, Quiesce: atRest})
	must(p, err)
	for _, r := range account.Volumes {
		if r.Outcome != volsnap.Failed || r.Cause != volsnap.CauseTooLong || !strings.Contains(r.Error, "is deleted") {
			p.Errorf("result is %+v", r)
		}
	}
	for _, o := range p.groups("over") {
		if o.GetDeletionTimestamp() == nil {
			p.Errorf("group %s is not deleted", o.GetName())
		}
	}
	// What is being deleted is not waited for: another call cuts one by one.
	account = p.take(c, plan, volsnap.TakeOptions{
		Run: "over", Group: all, Quiesce: func(context.Context, string, string) (func(context.Context) error, error) {
			sidecar.Start(p)
			return func(context.Context) error { return nil }, nil
		},
	})
	if notes := strings.Join(account.Notes, "\n"); !strings.Contains(notes, "an earlier call has given it up") {
		p.Errorf("notes of the second call are %q", notes)
	}
}

// groups are those of a namespace.
func (p *place) groups(namespace string) []unstructured.Unstructured {
	p.Helper()
	list, err := p.Dynamic.Resource(csibed.Groups).Namespace(namespace).List(p.ctx, metav1.ListOptions{})
	must(p, err)
	return list.Items
}

// groupOverKept is one of a class that keeps: what the storage may have of it would be left without anybody who knows.
func groupOverKept(p *place) {
	p.fill("overkept", p.Drivers[0], names(2)...)
	p.pod("overkept", "db", names(2)...)
	c, _ := p.cluster()
	plan := p.keeping(c, "overkept")
	sidecar := p.Sidecars[p.Drivers[0].Name]
	sidecar.Stop(p)
	defer sidecar.Start(p)
	ctx, cancel := context.WithTimeout(p.ctx, 3*time.Second)
	defer cancel()
	account, err := c.Take(ctx, plan, volsnap.TakeOptions{Run: "overkept", Group: all, Quiesce: atRest})
	must(p, err)
	for _, r := range account.Volumes {
		if r.Outcome != volsnap.Failed || !strings.Contains(r.Error, "is left") || !strings.Contains(r.Error, "policy Retain") {
			p.Errorf("result is %+v", r)
		}
	}
	if left := p.groups("overkept"); len(left) != 1 || left[0].GetDeletionTimestamp() != nil {
		p.Errorf("left are %v, want the group, not deleted", left)
	}
}

// groupDissolvedKept is one of a class that keeps, of which nobody has cut anything: its claims are cut one by one, and the group
// is left, and told.
func groupDissolvedKept(p *place) {
	p.fill("dissolved", p.Drivers[0], names(2)...)
	p.pod("dissolved", "db", names(2)...)
	c, _ := p.cluster()
	plan := p.keeping(c, "dissolved")
	sidecar := p.Sidecars[p.Drivers[0].Name]
	sidecar.Stop(p)
	defer sidecar.Start(p)
	calls := 0
	account := p.take(c, plan, volsnap.TakeOptions{
		Run: "dissolved", CutLimit: 20 * time.Second, Group: all,
		Quiesce: func(context.Context, string, string) (func(context.Context) error, error) {
			if calls++; calls == 2 {
				sidecar.Start(p)
			}
			return func(context.Context) error { return nil }, nil
		},
	})
	if notes := strings.Join(account.Notes, "\n"); !strings.Contains(notes, "is left: its class has the policy Retain") {
		p.Errorf("notes are %q", notes)
	}
	if left := p.groups("dissolved"); len(left) != 1 || left[0].GetDeletionTimestamp() != nil {
		p.Errorf("left are %v, want the group, not deleted", left)
	}
}

// groupless is a driver whose groups nobody looks at, which nothing says: it is tried once in a run.
func groupless(p *place) {
	p.fill("groupless", p.Drivers[0], names(4)...)
	p.pod("groupless", "db", "data-0")
	p.pod("groupless", "web", "data-2")
	c, made := p.cluster()
	plan := p.plan(c, "groupless")
	sidecar := p.Sidecars[p.Drivers[0].Name]
	sidecar.Stop(p)
	defer sidecar.Start(p)
	calls := 0
	account := p.take(c, plan, volsnap.TakeOptions{
		Run: "groupless", CutLimit: 20 * time.Second, Group: func(v volsnap.Volume) string {
			if v.Claim < "data-2" {
				return "first"
			}
			return "second"
		},
		Quiesce: func(context.Context, string, string) (func(context.Context) error, error) {
			if calls++; calls == 2 { // the group was given up
				sidecar.Start(p)
			}
			return func(context.Context) error { return nil }, nil
		},
	})
	if notes := strings.Join(account.Notes, "\n"); !strings.Contains(notes, "does the driver take groups?") || calls != 3 {
		p.Errorf("pods rested %d times, notes are %q", calls, notes)
	}
	if n := made.of["create volumegroupsnapshots"]; n != 1 {
		p.Errorf("%d groups were made, want 1", n)
	}
}
