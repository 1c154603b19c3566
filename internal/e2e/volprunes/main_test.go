package volprunes

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed/driver"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/prune"
)

func TestMain(m *testing.M) {
	// Those that are parallel wait for namespaces to go most of the time, whatever the number of processors.
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	faults.Main(m)
}

var must, stuck = trial.Must, trial.Context

// place is a cluster with snapshots.
type place struct {
	*testing.T
	ctx     context.Context
	bed     *csibed.Bed
	driver  *driver.Driver
	cluster *volsnap.Cluster
	pruner  *rest.Config // with the rights that the documentation of prune asks for, and no others
}

// All share one control plane, and have namespaces of their own.
func TestPrune(t *testing.T) {
	b := csibed.Start(t, bed.ControlPlane(t, bed.Options{}), csibed.Options{})
	cluster, err := volsnap.NewCluster(b.Config)
	must(t, err)
	pruner := documented(t, b, "prune")
	for _, test := range []struct {
		name string
		run  func(*place)
	}{
		{"what is chosen goes, and nothing else", chosen},
		{"the last good one stays", lastGood},
		{"contents whose snapshots nobody has seen go", unseen},
		{"what a pending claim is restored from stays", inUse},
		{"what was imported elsewhere stays", imported},
		{"what has changed since the plan is refused", changed},
		{"what was unpinned is pinned again as it was", pinnedAgain},
		{"an answer that is lost is no reason to stay unpinned", lostAnswer},
		{"what is deleted while it is taken goes", underWay},
		{"what has come to be needed while others went is refused", needed},
		{"the way back of a restore in place stays", safety},
		{"what has come to be the last good one is refused", spared},
		{"groups go as a whole", groups},
		{"runs that were not pinned are a series of their own", unpinned},
		{"a dozen go a few at a time", dozen},
		{"what its sidecar has forgotten goes", parallel(forgotten)},
		{"pinned ones of a namespace that is gone", parallel(orphans)},
		{"groups of a namespace that is gone", parallel(orphanGroups)},
		{"what a run has pinned is restored elsewhere", parallel(handedOver)},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.run(&place{T: t, ctx: stuck(t), bed: b, driver: b.Drivers[0], cluster: cluster, pruner: pruner})
		})
	}
}

// parallel is a test that does not touch what all have in common, and so runs beside the others of its like.
func parallel(test func(*place)) func(*place) {
	return func(p *place) {
		p.Parallel()
		p.ctx = stuck(p.T) // from now on
		test(p)
	}
}

// as is the cluster by a config.
func (p *place) as(config *rest.Config) *volsnap.Cluster {
	p.Helper()
	cluster, err := volsnap.NewCluster(config)
	must(p, err)
	return cluster
}

// runAs carries out a plan with a transport between it and the server.
func (p *place) runAs(plan *prune.Plan, wrap func(http.RoundTripper) http.RoundTripper, opts prune.RunOptions) *prune.Report {
	p.Helper()
	config := rest.CopyConfig(p.pruner)
	config.Wrap(wrap)
	report, err := prune.Run(p.ctx, p.as(config), plan, opts)
	must(p, err)
	return report
}

// claims makes a namespace with claims.
func (p *place) claims(namespace string, names ...string) {
	p.Helper()
	p.bed.Namespace(p, namespace)
	p.bed.Claims(p, namespace, p.driver.Name, names...)
}

// take makes a run of all claims of a namespace, ready.
func (p *place) take(namespace, run string) []volsnap.Snapshot {
	p.Helper()
	return p.takeAs(namespace, volsnap.TakeOptions{Run: run, InFlight: 10})
}

func (p *place) takeAs(namespace string, opts volsnap.TakeOptions) []volsnap.Snapshot {
	p.Helper()
	opts.Ready = true
	plan, err := p.cluster.Plan(p.ctx, volsnap.Selection{Namespaces: []string{namespace}}, volsnap.PlanOptions{})
	must(p, err)
	account, err := p.cluster.Take(p.ctx, plan, opts)
	must(p, err)
	must(p, account.Complete())
	var all []volsnap.Snapshot
	for _, r := range account.Volumes {
		all = append(all, *r.Snapshot)
	}
	return all
}

// runs takes several, the oldest first, of a namespace with one claim.
func (p *place) runs(namespace string, n int) []volsnap.Snapshot {
	p.Helper()
	var all []volsnap.Snapshot
	for i := range n {
		all = append(all, p.take(namespace, fmt.Sprintf("%s-%d", namespace, i))...)
	}
	return all
}

// newest keeps so many of each series.
func newest(n int) prune.Choose {
	return func(series []volsnap.Snapshot) []bool {
		keep := make([]bool, len(series))
		for i := range keep {
			keep[i] = i < n
		}
		return keep
	}
}

// options look at one namespace, a week from now.
func options(namespace string) prune.Options {
	return prune.Options{Namespaces: []string{namespace}, Now: time.Now().Add(7 * 24 * time.Hour)}
}

func (p *place) plan(namespace string, choose prune.Choose) *prune.Plan {
	p.Helper()
	plan, err := prune.Prepare(p.ctx, p.as(p.pruner), choose, options(namespace))
	must(p, err)
	return plan
}

func (p *place) run(plan *prune.Plan, opts prune.RunOptions) *prune.Report {
	p.Helper()
	report, err := prune.Run(p.ctx, p.as(p.pruner), plan, opts)
	must(p, err)
	return report
}

// holds that the plan says this, each item as its action, or why it is kept, with the number of its snapshots if there are
// several.
func (p *place) says(plan *prune.Plan, want ...string) {
	p.Helper()
	var got []string
	for _, i := range plan.Items {
		text := string(i.Do)
		if i.Reason != "" {
			text = string(i.Reason)
		}
		if n := len(i.Snapshots); n > 1 {
			text += fmt.Sprintf(" x%d", n)
		}
		got = append(got, text)
	}
	if !slices.Equal(got, want) {
		p.Errorf("the plan says %q, want %q", got, want)
		for _, i := range plan.Items {
			p.Log(i)
		}
	}
}

// states holds what has become of the items that were to go.
func (p *place) states(report *prune.Report, want ...prune.State) {
	p.Helper()
	var got []prune.State
	for _, o := range report.Outcomes {
		got = append(got, o.State)
	}
	if !slices.Equal(got, want) {
		p.Errorf("the states are %q, want %q: %v", got, want, report.Err())
	}
}

// stored holds which snapshots the driver has of those that are given.
func (p *place) stored(of []volsnap.Snapshot, want ...bool) {
	p.Helper()
	have := p.driver.Snapshots()
	for i, s := range of {
		if s.Handle == "" {
			p.Errorf("snapshot %d has no handle", i)
		}
		if got := slices.Contains(have, s.Handle); got != want[i] {
			p.Errorf("the driver has snapshot %d: %v, want %v", i, got, want[i])
		}
	}
}

// gone holds that there is no content of the snapshots.
func (p *place) gone(of ...volsnap.Snapshot) {
	p.Helper()
	list, err := p.bed.Dynamic.Resource(csibed.Contents).List(p.ctx, metav1.ListOptions{})
	must(p, err)
	for _, s := range of {
		if slices.ContainsFunc(list.Items, func(u unstructured.Unstructured) bool { return u.GetName() == s.Content }) {
			p.Errorf("content %s is still there", s.Content)
		}
	}
}

// content is that of a snapshot, but for what the server notes of each change.
func (p *place) content(of volsnap.Snapshot) *unstructured.Unstructured {
	p.Helper()
	u, err := p.bed.Dynamic.Resource(csibed.Contents).Get(p.ctx, of.Content, metav1.GetOptions{})
	must(p, err)
	u.SetResourceVersion("")
	u.SetGeneration(0)
	u.SetManagedFields(nil)
	return u
}

// asBefore holds that a content is as it was, pinned and with annotations.
func (p *place) asBefore(was *unstructured.Unstructured, of volsnap.Snapshot) {
	p.Helper()
	policy, _, _ := unstructured.NestedString(was.Object, "spec", "deletionPolicy")
	if policy != "Retain" || was.GetAnnotations()["clustersnap.github.io/cut"] == "" {
		p.Errorf("the content was not pinned: %v", was.Object)
	}
	if now := p.content(of); !reflect.DeepEqual(now.Object, was.Object) {
		p.Errorf("the content is\n%v\nand was\n%v", now.Object, was.Object)
	}
}

func (p *place) patch(at schema.GroupVersionResource, namespace, name, patch string) {
	p.Helper()
	_, err := p.bed.Dynamic.Resource(at).Namespace(namespace).
		Patch(p.ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	must(p, err)
}

// deleteNamespace deletes one and waits until it is gone.
func (p *place) deleteNamespace(name string) {
	p.Helper()
	must(p, p.bed.Client.CoreV1().Namespaces().Delete(p.ctx, name, metav1.DeleteOptions{}))
	p.bed.Gone(p, schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}, "", name)
}

// refused holds why an item was refused.
func (p *place) refused(report *prune.Report, i int, why string) {
	p.Helper()
	if o := report.Outcomes[i]; o.State != prune.Refused || !strings.Contains(o.Error, why) {
		p.Errorf("item %d is %s, %q, want it refused as %q", i, o.State, o.Error, why)
	}
}

// holds looks into the file of a claim.
func (p *place) holds(namespace, claim, want string) {
	p.Helper()
	p.bed.Bound(p, namespace, claim)
	text, err := os.ReadFile(filepath.Join(p.bed.VolumePath(p, namespace, claim), "file"))
	if err != nil || string(text) != want {
		p.Errorf("claim %s/%s has %q, %v, want %q", namespace, claim, text, err, want)
	}
}
