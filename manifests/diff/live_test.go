package diff_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
)

// cluster has jobs that have ended, and such as have not. Only the objects themselves say so, as those of a server do.
type cluster struct {
	diff.Cluster
	jobs []string // their names; those that end in -done have ended
}

var jobs = manifests.Resource{Group: "batch", Version: "v1", Resource: "jobs", Kind: "Job", Namespaced: true, Status: true}

func (c cluster) Versions(_ context.Context, opts manifests.Options) (all []manifests.Entry, r *manifests.Report, err error) {
	for _, name := range c.jobs {
		e := manifests.Entry{
			Key: manifests.Key{Group: "batch", Resource: "jobs", Namespace: "shop", Name: name}, Version: "v1", Kind: "Job",
			UID: "u-" + name, ResourceVersion: "1", Class: manifests.User,
		}
		if len(opts.Classes) == 0 || slices.Contains(opts.Classes, e.Class) {
			all = append(all, e)
		}
	}
	return all, listedJobs(opts), nil
}

func listedJobs(opts manifests.Options) *manifests.Report {
	return &manifests.Report{
		Selection: manifests.Selection{Level: opts.Level, Classes: opts.Classes},
		Outcomes:  []manifests.Outcome{{Resource: jobs, State: manifests.Listed}},
	}
}

func (c cluster) Get(_ context.Context, key manifests.Key, level manifests.Level) (*manifests.Object, error) {
	const job = `{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":%q,"namespace":"shop"},"spec":{},"status":{%s}}`
	status := ""
	if bytes.HasSuffix([]byte(key.Name), []byte("-done")) {
		status = `"conditions":[{"type":"Complete","status":"True"}]`
	}
	return manifests.Canonical(fmt.Appendf(nil, job, key.Name, status), jobs, level)
}

// tree is what a dump of the same cluster with the same classes hands on, without versions.
func (c cluster) tree(t *testing.T, classes ...manifests.Class) *view {
	t.Helper()
	v := &view{report: listedJobs(manifests.Options{Classes: classes}), texts: map[manifests.Key]string{}}
	list, _, err := c.Versions(t.Context(), manifests.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		o, err := c.Get(t.Context(), e.Key, manifests.Portable)
		if err != nil {
			t.Fatal(err)
		}
		if len(classes) == 0 || slices.Contains(classes, o.Class) {
			e.Class, e.UID = o.Class, ""
			v.entries = append(v.entries, e)
			v.texts[e.Key] = string(o.YAML)
		}
	}
	return v
}

// A list of metadata does not tell that a job has ended: that is seen when it is read.
func TestClassOfWhatIsRead(t *testing.T) {
	c := cluster{jobs: []string{"runs", "a-done", "b-done"}}
	user := []manifests.Class{manifests.User}
	asIs := func(s diff.Side) diff.Side { return s }
	redacted := func(s diff.Side) diff.Side {
		return diff.Redacted(s, func(manifests.Key, []byte) ([]byte, error) { panic("there is no Secret") })
	}
	for _, of := range []func(diff.Side) diff.Side{asIs, redacted} {
		live := of(diff.Live(c, manifests.Options{Classes: user}))
		changes, summary := compare(t, c.tree(t, user...), live, diff.Options{})
		if len(changes) != 0 || summary.OutOfView != 2 || summary.Same != 1 || diff.ExitCode(summary, nil) != 0 {
			t.Errorf("the summary is %+v, the changes are\n%s", *summary, said(changes))
		}
		changes, summary = compare(t, &view{}, live, diff.Options{Classes: user})
		wantSaid(t, changes, "jobs.batch/runs -n shop added\n")
		if summary.LeftOut[manifests.Completed] != 2 {
			t.Errorf("the summary is %+v", *summary)
		}
		changes, summary = compare(t, &view{}, live, diff.Options{}) // which shows users' alone, whatever is compared
		wantSaid(t, changes, "jobs.batch/runs -n shop added\n")
		if summary.OutOfView != 2 {
			t.Errorf("the summary is %+v", *summary)
		}
		changes, _ = compare(t, &view{}, of(diff.Live(c, manifests.Options{})), diff.Options{})
		if len(changes) != 3 || changes[0].Class != manifests.Completed || changes[2].Class != manifests.User {
			t.Errorf("the changes are\n%s", said(changes))
		}
	}
}

// A side may be in several comparisons at once.
func TestLiveSideOfTwoComparisons(t *testing.T) {
	c := cluster{jobs: []string{"runs", "a-done"}}
	live := diff.Live(c, manifests.Options{})
	saved := c.tree(t)
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			summary, err := diff.Compare(t.Context(), saved, live, func(*diff.Change) error { return nil }, diff.Options{})
			if err != nil || summary.Same != 2 {
				t.Errorf("summary %+v, error %v", summary, err)
			}
		})
	}
	both.Wait()
}
