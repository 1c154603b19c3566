package volsnap

import (
	"context"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

func TestUnits(t *testing.T) {
	hook := func(context.Context, string, string) (func(context.Context) error, error) { return nil, nil }
	plan := &Plan{Volumes: []Volume{
		{Namespace: "a", Claim: "1", Driver: "d", Pods: []string{"x"}},
		{Namespace: "a", Claim: "2", Driver: "d", Pods: []string{"y"}},
		{Namespace: "a", Claim: "3", Driver: "e", Pods: []string{"x", "y"}},
		{Namespace: "b", Claim: "4", Driver: "d", Pods: []string{"x"}},
		{Namespace: "b", Claim: "5", Driver: "d", Reason: ReasonNFS, Pods: []string{"x"}},
		{Namespace: "b", Claim: "6", Driver: "d"},
	}}
	for name, test := range map[string]struct {
		opts TakeOptions
		want string
	}{
		"each alone":      {TakeOptions{}, "1 2 3 4 6"},
		"pods that share": {TakeOptions{Quiesce: hook}, "1+2+3 4 6"},
	} {
		t.Run(name, func(t *testing.T) {
			taking := newTaking(nil, plan, test.opts)
			var units []string
			for _, u := range taking.makeUnits() {
				var claims []string
				for _, j := range u.jobs {
					claims = append(claims, j.result.Claim)
					if j.unit != u {
						t.Errorf("claim %s does not know its unit", j.result.Claim)
					}
				}
				units = append(units, strings.Join(slices.Sorted(slices.Values(claims)), "+"))
			}
			if got := strings.Join(units, " "); got != test.want {
				t.Errorf("units are %s, want %s", got, test.want)
			}
		})
	}
}

func TestNames(t *testing.T) {
	long := strings.Repeat("a", 235) + "." + strings.Repeat("b", 17)
	one, other := nameOf(long, "run", "ns", long), nameOf(long, "run2", "ns", long)
	if len(one) > maxName || one == other || strings.Contains(one, ".-") || one != nameOf(long, "run", "ns", long) {
		t.Errorf("names are %s and %s", one, other)
	}
	for _, run := range []string{"", strings.Repeat("a", 64), "a b", "-a"} {
		if checkRun(run) == nil {
			t.Errorf("%q is the id of a run", run)
		}
	}
}

func TestComplete(t *testing.T) {
	good := Result{Volume: Volume{Namespace: "a", Claim: "good"}, Outcome: Snapshotted, Snapshot: &Snapshot{}}
	for name, test := range map[string]struct {
		result Result
		want   string // "" if it is complete
	}{
		"good":        {good, ""},
		"accepted":    {Result{Volume: Volume{PodVolume: "p/tmp", Reason: ReasonEphemeral}, Outcome: NotSnapshottable}, ""},
		"impossible":  {Result{Volume: Volume{Claim: "x", Reason: ReasonNFS, Detail: "files"}, Outcome: NotSnapshottable}, "nfs: files"},
		"failed":      {Result{Outcome: Failed, Cause: CauseNoSidecar, Error: "none"}, "no sidecar: none"},
		"lacking":     {Result{Outcome: Snapshotted, Snapshot: &Snapshot{}, Lacking: []string{"not pinned"}}, "not pinned"},
		"unexplained": {Result{}, "nothing explains"},
		"untold":      {Result{Outcome: Snapshotted}, "was not told"},
	} {
		t.Run(name, func(t *testing.T) {
			err := (&Account{Volumes: []Result{good, test.result}}).Complete(ReasonEphemeral)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want %q", err, test.want)
			}
		})
	}
}

// A content that names another snapshot is not to be trusted, though this one names it.
func TestViewOfAForeignContent(t *testing.T) {
	yes, name := true, "content"
	s := &api.Snapshot{Status: &api.SnapshotStatus{Content: &name, ReadyToUse: &yes}}
	s.Namespace, s.Name, s.UID = "a", "s", types.UID("1")
	c := &api.Content{Status: &api.ContentStatus{Handle: &name}}
	c.Name = name
	c.Spec.Snapshot = api.Reference{Namespace: "a", Name: "s", UID: "2"}
	if v := view(s, c); v.Ready || v.Handle != "" || v.Error == "" {
		t.Errorf("view is %+v", v)
	}
	if c.Spec.Snapshot.UID = "1"; !view(s, c).Ready || view(s, c).Handle != name {
		t.Errorf("view of its own content is %+v", view(s, c))
	}
}
