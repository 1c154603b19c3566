package volprunes

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
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
	"github.com/clustersnap/clustersnap/volsnap/restore"
)

// pinnedAgain looks at a content that has lost its snapshot, so that unpinning has marked it.
func pinnedAgain(p *place) {
	p.claims("again", "data")
	taken := p.runs("again", 2)
	p.lose(taken...)
	was := p.content(taken[0])
	plan := p.plan("again", newest(1))
	p.says(plan, "chosen", "delete")
	report := p.runAs(plan, before("DELETE", "/volumesnapshotcontents/"+taken[0].Content, func() {
		p.patch(csibed.Contents, "", taken[0].Content, `{"metadata":{"labels":{"keep":"yes"}}}`)
	}), prune.RunOptions{})
	p.refused(report, 0, "changed since the plan")
	p.patch(csibed.Contents, "", taken[0].Content, `{"metadata":{"labels":{"keep":null}}}`)
	p.asBefore(was, taken[0])
	p.stored(taken, true, true)
	p.states(p.run(p.plan("again", newest(1)), prune.RunOptions{}), prune.Deleted)
	p.stored(taken, false, true)
}

// lose deletes snapshots while no controller looks, so that nobody has told their contents.
func (p *place) lose(of ...volsnap.Snapshot) {
	p.Helper()
	p.bed.Controller.Stop(p)
	for _, s := range of {
		at := p.bed.Dynamic.Resource(csibed.Snapshots).Namespace(s.Namespace)
		must(p, at.Delete(p.ctx, s.Name, metav1.DeleteOptions{}))
		p.patch(csibed.Snapshots, s.Namespace, s.Name, `{"metadata":{"finalizers":null}}`)
		p.bed.Gone(p, csibed.Snapshots, s.Namespace, s.Name)
	}
	p.bed.Controller.Start(p)
}

// lost lets the nth request of a method to a path that ends so through, and its answer is lost.
func lost(method, path string, nth int32) func(http.RoundTripper) http.RoundTripper {
	var seen atomic.Int32
	return func(next http.RoundTripper) http.RoundTripper {
		return tripper(func(r *http.Request) (*http.Response, error) {
			answer, err := next.RoundTrip(r)
			if err == nil && r.Method == method && strings.HasSuffix(r.URL.Path, path) && seen.Add(1) == nth {
				answer.Body.Close()
				return nil, errors.New("the line is dead")
			}
			return answer, err
		})
	}
}

func lostAnswer(p *place) {
	p.claims("answer", "data")
	taken := p.runs("answer", 2)
	was := p.content(taken[0])
	for nth := range int32(2) { // to see what contents there are, and to unpin it
		report := p.runAs(p.plan("answer", newest(1)), lost("PATCH", "/volumesnapshotcontents/"+taken[0].Content, nth+1),
			prune.RunOptions{})
		p.states(report, prune.Failed)
		if e := report.Outcomes[0].Error; !strings.Contains(e, "the line is dead") || strings.Contains(e, "may not be pinned") {
			p.Errorf("the error is %q", e)
		}
		p.asBefore(was, taken[0])
		p.stored(taken, true, true)
	}

	// What was deleted, though nobody has heard of it, goes as it was meant to: with what the storage has.
	p.lose(taken[0])
	report := p.runAs(p.plan("answer", newest(1)), lost("DELETE", "/volumesnapshotcontents/"+taken[0].Content, 1),
		prune.RunOptions{})
	p.states(report, prune.Failed)
	p.bed.Gone(p, csibed.Contents, "", taken[0].Content)
	p.stored(taken, false, true)
}

// underWay deletes a snapshot while its driver takes it. Its sidecar then forgets the content until it hears of it again.
func underWay(p *place) {
	p.claims("way", "data")
	p.driver.Set(driver.Temper{FailCreate: func(string, string) error { return status.Error(codes.Internal, "no") }})
	p.bed.Snapshot(p, "way", "failed", "data", p.driver.Name)
	p.patch(csibed.Snapshots, "way", "failed", `{"metadata":{"labels":{"clustersnap.github.io/run":"way-1"}}}`)
	failed := p.bed.Until(p, csibed.Snapshots, "way", "failed", func(u *unstructured.Unstructured) bool {
		message, _, _ := unstructured.NestedString(u.Object, "status", "error", "message")
		return message != ""
	})
	// The next try lasts until the content is on its way out.
	goes := make(chan struct{})
	p.driver.Set(driver.Temper{FailCreate: func(string, string) error { <-goes; return nil }})
	content, _, _ := unstructured.NestedString(failed.Object, "status", "boundVolumeSnapshotContentName")
	p.bed.Until(p, csibed.Contents, "", content, func(u *unstructured.Unstructured) bool {
		return u.GetAnnotations()["snapshot.storage.kubernetes.io/volumesnapshot-being-created"] != ""
	})
	before := len(p.driver.Snapshots())
	p.says(p.plan("way", newest(1)), "leftover")
	ended := make(chan error, 1)
	go func() { ended <- p.sweep("way") }()
	p.bed.Until(p, csibed.Snapshots, "way", "failed", func(u *unstructured.Unstructured) bool {
		return u.GetDeletionTimestamp() != nil
	})
	close(goes)
	must(p, <-ended)
	p.gone(volsnap.Snapshot{Content: content})
	if now := len(p.driver.Snapshots()); now != before {
		p.Errorf("the driver has %d snapshots, and had %d", now, before)
	}
	p.driver.Set(driver.Temper{})
}

// forgotten has a content that does not go until somebody writes on it: its finalizer stands in for a sidecar that has
// forgotten it, which a real one does too seldom.
func forgotten(p *place) {
	const pruning, finalizer = "clustersnap.github.io/pruning", "test.clustersnap.github.io/forgotten"
	p.claims("forgotten", "data")
	taken := p.runs("forgotten", 2)
	at := p.bed.Dynamic.Resource(csibed.Contents)
	u, err := at.Get(p.ctx, taken[0].Content, metav1.GetOptions{})
	must(p, err)
	u.SetFinalizers(append(u.GetFinalizers(), finalizer))
	_, err = at.Update(p.ctx, u, metav1.UpdateOptions{})
	must(p, err)
	ended := make(chan error, 1)
	plan := p.plan("forgotten", newest(1))
	go func() {
		report, err := prune.Run(p.ctx, p.as(p.pruner), plan, prune.RunOptions{Limit: time.Minute})
		if err == nil {
			err = report.Err()
		}
		ended <- err
	}()
	written := ""
	p.bed.Until(p, csibed.Contents, "", taken[0].Content, func(u *unstructured.Unstructured) bool {
		now := u.GetAnnotations()[pruning]
		if u.GetDeletionTimestamp() == nil || written == "" {
			written = now
		}
		return now != written && len(u.GetFinalizers()) == 1
	})
	p.patch(csibed.Contents, "", taken[0].Content, `{"metadata":{"finalizers":null}}`)
	must(p, <-ended)
	p.stored(taken, false, true)
}

// needed lets one go, and makes a need of the next ones while it does.
func needed(p *place) {
	p.claims("needed", "data")
	p.bed.Namespace(p, "needed-2")
	taken := p.runs("needed", 4)
	records, err := handover.Export(p.ctx, p.cluster, taken[:1])
	must(p, err)
	was := p.content(taken[0])
	plan := p.plan("needed", newest(1))
	p.says(plan, "chosen", "delete", "delete", "delete")
	late, hold := held("/volumesnapshotcontents", "PATCH", "/volumesnapshotcontents/"+taken[0].Content)
	report := p.runAs(plan, late, prune.RunOptions{InFlight: 1, Each: func(o prune.Outcome) {
		if o.State != prune.Deleted {
			return
		}
		hold()
		p.pending("needed", "copy", taken[1].Name)
		_, err := handover.Import(p.ctx, p.cluster, records[0], "needed-2", "copy", handover.ImportOptions{})
		must(p, err)
	}})
	p.states(report, prune.Deleted, prune.Refused, prune.Refused)
	p.refused(report, 1, "a pending claim is restored from it")
	p.refused(report, 2, "another content has the same handle")
	p.asBefore(was, taken[0])
	p.stored(taken, true, true, false, true)
}

// held has a watch of a path that ends so tell nothing once hold was called, until a request of a method to another path was
// answered: the news of what is written meanwhile come late.
func held(watch, method, path string) (wrap func(http.RoundTripper) http.RoundTripper, hold func()) {
	var holding atomic.Bool
	answered := make(chan struct{})
	closed := sync.OnceFunc(func() { close(answered) })
	wrap = func(next http.RoundTripper) http.RoundTripper {
		return tripper(func(r *http.Request) (*http.Response, error) {
			answer, err := next.RoundTrip(r)
			switch {
			case err != nil:
			case r.URL.Query().Has("watch") && strings.HasSuffix(r.URL.Path, watch):
				answer.Body = &lateBody{answer.Body, r.Context().Done(), &holding, answered}
			case holding.Load() && r.Method == method && strings.HasSuffix(r.URL.Path, path):
				closed()
			}
			return answer, err
		})
	}
	return wrap, func() { holding.Store(true) }
}

// lateBody is an answer that comes late.
type lateBody struct {
	io.ReadCloser
	ended    <-chan struct{}
	holding  *atomic.Bool
	answered <-chan struct{}
}

func (b *lateBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.holding.Load() {
		select {
		case <-b.answered:
		case <-b.ended:
		}
	}
	return n, err
}

// pending makes a claim that waits to be restored from a snapshot.
func (p *place) pending(namespace, name, of string) {
	p.Helper()
	claim := csibed.Claim(namespace, name, csibed.Waiting(p.driver.Name))
	group := "snapshot.storage.k8s.io"
	claim.Spec.DataSource = &corev1Reference{APIGroup: &group, Kind: "VolumeSnapshot", Name: of}
	p.bed.MakeClaim(p, claim)
}

// safety marks the newest and the oldest one as restore.Swap does, one by each of its objects.
func safety(p *place) {
	p.claims("safety", "data")
	taken := p.runs("safety", 4)
	mark := `{"metadata":{"labels":{"clustersnap.github.io/purpose":"safety"}}}`
	p.patch(csibed.Snapshots, "safety", taken[3].Name, mark)
	p.patch(csibed.Contents, "", taken[0].Content, mark)
	const kept = "the way back of a restore in place"
	plan := p.plan("safety", func(series []volsnap.Snapshot) []bool {
		if len(series) != 2 || series[0].Name != taken[2].Name || series[1].Name != taken[1].Name {
			p.Errorf("the choice is asked for %+v", series)
		}
		return newest(1)(series)
	})
	p.says(plan, kept, "chosen", "delete", kept)
	must(p, p.run(plan, prune.RunOptions{}).Err())
	p.says(p.plan("safety", newest(0)), kept, "the last good one", kept)
	p.stored(taken, true, false, true, true)

	opts := options("safety")
	opts.Safety = 30 * 24 * time.Hour
	young, err := prune.Prepare(p.ctx, p.as(p.pruner), newest(0), opts)
	must(p, err)
	p.says(young, kept, "the last good one", kept)
	opts.Safety = 24 * time.Hour
	old, err := prune.Prepare(p.ctx, p.as(p.pruner), newest(0), opts)
	must(p, err)
	p.says(old, "delete", "the last good one", "delete")
	must(p, p.run(old, prune.RunOptions{}).Err())
	p.stored(taken, false, false, true, false)
	opts.Safety = -1
	if _, err := prune.Prepare(p.ctx, p.cluster, newest(1), opts); err == nil {
		p.Error("an age of less than nothing was taken")
	}
}

// handedOver is the whole way: taken and pinned, the namespace gone, exported before that or after it, restored elsewhere.
func handedOver(p *place) {
	p.claims("house", "data")
	must(p, os.WriteFile(filepath.Join(p.bed.VolumePath(p, "house", "data"), "file"), []byte("treasure"), 0o600))
	taken := p.take("house", "house-1")
	before, err := handover.Export(p.ctx, p.cluster, taken)
	must(p, err)
	p.deleteNamespace("house")
	if _, err := handover.Export(p.ctx, p.cluster, taken); err == nil {
		p.Error("a snapshot that is gone was exported")
	}
	var left []volsnap.Snapshot
	for _, item := range p.plan("house", newest(1)).Items {
		left = append(left, item.Snapshots...)
	}
	after, err := handover.Export(p.ctx, p.cluster, left)
	must(p, err)
	if len(before) != 1 || len(after) != 1 {
		p.Fatalf("there are %d and %d records", len(before), len(after))
	}
	a, b := before[0], after[0]
	lacks := a // what only the claim has said
	lacks.Size, lacks.AccessModes, lacks.StorageClass, lacks.Labels = 0, nil, "", nil
	if lacks.FSType = ""; !reflect.DeepEqual(b, lacks) || b.Run == "" || b.Claim == "" {
		p.Errorf("the record was\n%+v\nand is\n%+v", a, b)
	}
	left[0].Name = "another"
	if _, err := handover.Export(p.ctx, p.cluster, left); err == nil || !strings.Contains(err.Error(), "is for snapshot house/") {
		p.Errorf("of a content that is for another snapshot: %v", err)
	}
	for name, record := range map[string]handover.Record{"house-before": a, "house-after": b} {
		p.bed.Namespace(p, name)
		imported, err := handover.Import(p.ctx, p.cluster, record, name, "from-house", handover.ImportOptions{})
		must(p, err)
		if !imported.Ready || imported.Unverified || !imported.Cut.Equal(a.Cut) {
			p.Errorf("imported %+v", imported)
		}
		_, err = restore.Claim(p.ctx, p.cluster, *imported, name, "data", restore.ClaimOptions{StorageClass: p.driver.Name})
		must(p, err)
		p.holds(name, "data", "treasure")
	}
}
