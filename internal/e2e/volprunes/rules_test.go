package volprunes

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed/driver"
	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/handover"
	"github.com/clustersnap/clustersnap/volsnap/prune"
)

func chosen(p *place) {
	p.claims("chosen", "data")
	taken := p.runs("chosen", 4)
	p.bed.Snapshot(p, "chosen", "by-hand", "data", p.driver.Name)
	p.bed.Ready(p, "chosen", "by-hand")
	before, was := len(p.driver.Snapshots()), p.content(taken[3])

	plan := p.plan("chosen", newest(2))
	p.says(plan, "chosen", "chosen", "delete", "delete")
	if item := plan.Items[3]; item.Snapshots[0].Handle != taken[0].Handle || !item.Snapshots[0].Cut.Equal(taken[0].Cut) {
		p.Errorf("the oldest is %v, want %v", item, taken[0])
	}
	p.stored(taken, true, true, true, true)

	var told []prune.State
	text, err := json.Marshal(plan)
	must(p, err)
	var read prune.Plan
	must(p, json.Unmarshal(text, &read))
	report := p.run(&read, prune.RunOptions{Each: func(o prune.Outcome) { told = append(told, o.State) }})
	p.states(report, prune.Deleted, prune.Deleted)
	must(p, report.Err())
	if !slices.Equal(told, []prune.State{prune.Deleted, prune.Deleted}) {
		p.Errorf("told was %q", told)
	}
	p.stored(taken, false, false, true, true)
	p.gone(taken[:2]...)
	if now := len(p.driver.Snapshots()); now != before-2 {
		p.Errorf("the driver has %d snapshots, want %d", now, before-2)
	}
	p.asBefore(was, taken[3])
	again := p.run(plan, prune.RunOptions{})
	p.refused(again, 0, "changed since the plan")
	p.refused(again, 1, "changed since the plan")
	if again.Err() == nil {
		p.Error("what was refused is no error")
	}
	p.says(p.plan("chosen", newest(2)), "chosen", "chosen")
	_, err = prune.Prepare(p.ctx, p.cluster, func([]volsnap.Snapshot) []bool { return nil }, options("chosen"))
	if err == nil {
		p.Error("a choice without answers was taken")
	}
	if _, err = prune.Prepare(p.ctx, p.cluster, newest(1), prune.Options{}); err == nil {
		p.Error("a plan without a time was made")
	}
}

func lastGood(p *place) {
	p.claims("good", "data")
	taken := p.runs("good", 2)
	no := status.Error(codes.Internal, "no")
	p.driver.Set(driver.Temper{FailCreate: func(string, string) error { return no }})
	failed := p.bed.Snapshot(p, "good", "failed", "data", p.driver.Name)
	p.patch(csibed.Snapshots, "good", "failed", `{"metadata":{"labels":{"clustersnap.github.io/run":"good-9"}}}`)
	p.bed.Until(p, csibed.Snapshots, "good", "failed", func(u *unstructured.Unstructured) bool {
		message, _, _ := unstructured.NestedString(u.Object, "status", "error", "message")
		return message != ""
	})
	refuse := func(name, _ string) error { // whatever comes: its sidecar tries it again, and again
		if strings.HasSuffix(name, string(failed.GetUID())) {
			return no
		}
		return nil
	}
	p.driver.Set(driver.Temper{FailCreate: refuse, ReadyAfter: 1 << 60})
	p.bed.Snapshot(p, "good", "cut", "data", p.driver.Name)
	p.patch(csibed.Snapshots, "good", "cut", `{"metadata":{"labels":{"clustersnap.github.io/run":"good-8"}}}`)
	p.bed.Until(p, csibed.Snapshots, "good", "cut", func(u *unstructured.Unstructured) bool {
		_, there, _ := unstructured.NestedString(u.Object, "status", "creationTime")
		return there
	})
	opts := options("good")
	opts.Now = failed.GetCreationTimestamp().Time
	young, err := prune.Prepare(p.ctx, p.cluster, newest(0), opts)
	must(p, err)
	p.says(young, "not ready yet", "the last good one", "delete", "not ready yet")

	plan := p.plan("good", newest(0))
	p.says(plan, "leftover", "the last good one", "delete", "leftover")
	p.states(p.run(plan, prune.RunOptions{}), prune.Deleted)
	p.stored(taken, false, true)
	plan = p.plan("good", newest(0))
	p.says(plan, "leftover", "the last good one", "leftover")
	must(p, p.sweep("good"))
	p.says(p.plan("good", newest(0)), "the last good one")
	p.stored(taken, false, true)

	p.driver.Set(driver.Temper{})

	// What is cut but never became ready may be all that there is of a claim.
	p.bed.Claims(p, "good", p.driver.Name, "other")
	p.driver.Set(driver.Temper{ReadyAfter: 1 << 60})
	p.bed.Snapshot(p, "good", "only", "other", p.driver.Name)
	p.patch(csibed.Snapshots, "good", "only", `{"metadata":{"labels":{"clustersnap.github.io/run":"good-7"}}}`)
	p.bed.Until(p, csibed.Snapshots, "good", "only", func(u *unstructured.Unstructured) bool {
		_, there, _ := unstructured.NestedString(u.Object, "status", "creationTime")
		return there
	})
	p.says(p.plan("good", newest(0)), "the last good one", "not ready, and the claim has none that is")
	p.driver.Set(driver.Temper{})
}

// sweep deletes leftovers. Whatever their sidecar tries meanwhile changes them, so that they are planned again.
func (p *place) sweep(namespace string) error {
	for {
		plan, err := prune.Prepare(p.ctx, p.cluster, newest(0), options(namespace))
		if err != nil {
			return err
		}
		report, err := prune.Run(p.ctx, p.cluster, plan, prune.RunOptions{Leftovers: true, Limit: time.Minute})
		if err != nil {
			return err
		}
		changed := func(o prune.Outcome) bool { return o.State == prune.Refused }
		if !slices.ContainsFunc(report.Outcomes, changed) {
			return report.Err()
		}
	}
}

func inUse(p *place) {
	p.claims("used", "data")
	taken := p.runs("used", 3)
	plan := p.plan("used", newest(1))
	p.says(plan, "chosen", "delete", "delete")

	p.pending("used", "copy", taken[0].Name)
	report := p.run(plan, prune.RunOptions{})
	p.refused(report, 1, "a pending claim")
	p.states(report, prune.Deleted, prune.Refused)
	p.says(p.plan("used", newest(1)), "chosen", "a pending claim is restored from it")
	p.stored(taken, true, false, true)

	must(p, p.bed.Client.CoreV1().PersistentVolumeClaims("used").Delete(p.ctx, "copy", metav1.DeleteOptions{}))
	p.bed.Gone(p, claimsResource, "used", "copy")
	p.states(p.run(p.plan("used", newest(1)), prune.RunOptions{}), prune.Deleted)
	p.stored(taken, false, false, true)
}

func imported(p *place) {
	p.claims("lender", "data")
	p.bed.Namespace(p, "borrower")
	taken := p.runs("lender", 3)
	plan := p.plan("lender", newest(1))
	records, err := handover.Export(p.ctx, p.cluster, taken[:1])
	must(p, err)
	_, err = handover.Import(p.ctx, p.cluster, records[0], "borrower", "copy", handover.ImportOptions{})
	must(p, err)
	report := p.run(plan, prune.RunOptions{})
	p.states(report, prune.Deleted, prune.Refused)
	p.refused(report, 1, "another content has the same handle")
	p.says(p.plan("lender", newest(1)), "chosen", "another content has the same handle")
	p.stored(taken, true, false, true)

	p.says(p.plan("borrower", newest(0))) // it is not a run's
	p.patch(csibed.Snapshots, "borrower", "copy", `{"metadata":{"labels":{"clustersnap.github.io/run":"stolen"}}}`)
	p.says(p.plan("borrower", newest(0)), "imported")
}

func changed(p *place) {
	p.claims("changed", "data")
	taken := p.runs("changed", 4)
	plan := p.plan("changed", newest(1))
	p.says(plan, "chosen", "delete", "delete", "delete")
	p.patch(csibed.Snapshots, "changed", taken[0].Name, `{"metadata":{"labels":{"keep":"yes"}}}`)
	p.patch(csibed.Contents, "", taken[1].Content, `{"metadata":{"labels":{"keep":"yes"}}}`)
	report := p.run(plan, prune.RunOptions{})
	p.states(report, prune.Deleted, prune.Refused, prune.Refused)
	p.stored(taken, true, true, false, true)

	p.patch(csibed.Snapshots, "changed", taken[1].Name, `{"metadata":{"labels":{"clustersnap.github.io/run":null}}}`)
	p.says(p.plan("changed", newest(1)), "chosen", "delete")

	// Somebody changes it between two requests.
	was := p.content(taken[0])
	report = p.runAs(p.plan("changed", newest(1)), before("DELETE", "/volumesnapshots/"+taken[0].Name, func() {
		p.patch(csibed.Snapshots, "changed", taken[0].Name, `{"metadata":{"annotations":{"keep":"yes"}}}`)
	}), prune.RunOptions{})
	p.refused(report, 0, "changed since the plan")
	p.asBefore(was, taken[0])
	p.stored(taken, true, true, false, true)

	// A finalizer, as snapshot-controller adds one for the policy, is no change.
	report = p.runAs(p.plan("changed", newest(1)), before("DELETE", "/volumesnapshots/"+taken[0].Name, func() {
		u, err := p.bed.Dynamic.Resource(csibed.Snapshots).Namespace("changed").Get(p.ctx, taken[0].Name, metav1.GetOptions{})
		must(p, err)
		u.SetFinalizers(append(u.GetFinalizers(), "snapshot.storage.kubernetes.io/volumesnapshot-bound-protection"))
		_, err = p.bed.Dynamic.Resource(csibed.Snapshots).Namespace("changed").Update(p.ctx, u, metav1.UpdateOptions{})
		must(p, err)
	}), prune.RunOptions{})
	must(p, report.Err())
	p.stored(taken, false, true, false, true)
}

func spared(p *place) {
	p.claims("spared", "data")
	taken := p.runs("spared", 3)
	plan := p.plan("spared", newest(1))
	p.says(plan, "chosen", "delete", "delete")
	p.patch(csibed.Contents, "", taken[2].Content, `{"spec":{"deletionPolicy":"Delete"}}`)
	must(p, p.bed.Dynamic.Resource(csibed.Snapshots).Namespace("spared").Delete(p.ctx, taken[2].Name, metav1.DeleteOptions{}))
	p.bed.Gone(p, csibed.Contents, "", taken[2].Content)
	report := p.run(plan, prune.RunOptions{})
	p.states(report, prune.Refused, prune.Deleted)
	p.refused(report, 0, "the last good one")
	p.stored(taken, false, true, false)
}

func unpinned(p *place) {
	p.claims("loose", "data")
	pinned := p.runs("loose", 1)
	var loose []volsnap.Snapshot
	for _, run := range []string{"loose-a", "loose-b"} {
		loose = append(loose, p.takeAs("loose", volsnap.TakeOptions{Run: run, Unpinned: true})...)
	}
	plan := p.plan("loose", newest(1))
	p.says(plan, "chosen", "delete", "chosen")
	must(p, p.run(plan, prune.RunOptions{}).Err())
	p.stored(append(pinned, loose...), true, false, true)
}
