package diff_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
)

// city has the namespaces that it names, with a ConfigMap in each, and lists none other, as a server does.
type city struct {
	diff.Cluster
	namespaces []string
}

func (c city) Versions(_ context.Context, opts manifests.Options) (all []manifests.Entry, r *manifests.Report, err error) {
	r = new(manifests.Report)
	for _, name := range opts.Namespaces {
		if !slices.Contains(c.namespaces, name) {
			return nil, nil, fmt.Errorf("look for namespace %s: %w", name, errMissing)
		}
		r.Outcomes = append(r.Outcomes, manifests.Outcome{Resource: resources[0], Namespace: name, State: manifests.Listed})
		all = append(all, inNamespace(name))
	}
	if len(opts.Namespaces) == 0 {
		panic("all namespaces are listed")
	}
	return all, r, nil
}

func (c city) Get(_ context.Context, key manifests.Key, _ manifests.Level) (*manifests.Object, error) {
	if key.Resource == "namespaces" && !slices.Contains(c.namespaces, key.Name) {
		return nil, errMissing
	}
	return &manifests.Object{}, nil
}

var errMissing = apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "x")

func inNamespace(name string) manifests.Entry {
	e := named("x", "h", "u", "1")
	e.Namespace, e.Resource, e.Class = name, "configmaps", manifests.User
	return e
}

func saved(namespaces ...string) *view {
	v := &view{}
	for _, name := range namespaces {
		v.add(inNamespace(name), "v")
	}
	return v
}

// limited is a side as a snapshot is one: limited to namespaces, of which it lacks one.
func limited(gone string, has ...string) *view {
	v := saved(has...)
	v.report = &manifests.Report{Outcomes: []manifests.Outcome{
		{Resource: manifests.Resource{Resource: "*"}, Namespace: gone, State: manifests.Listed, Why: "gone"},
	}}
	for _, name := range append(has, gone) {
		v.report.Outcomes = append(v.report.Outcomes,
			manifests.Outcome{Resource: resources[0], Namespace: name, State: manifests.Listed})
	}
	return v
}

// A namespace that one side lacks has lost all that was in it; one that no side has is misspelled.
func TestNamespacesThatAreGone(t *testing.T) {
	shopAndOld, old := manifests.Options{Namespaces: []string{"shop", "old"}}, manifests.Options{Namespaces: []string{"old"}}
	empty := &view{report: &manifests.Report{Outcomes: []manifests.Outcome{
		{Resource: resources[0], Namespace: "old", State: manifests.Listed},
	}}}
	const removed, nowhere = "configmaps/x -n old removed\n", `there is no namespace "old" on any side`
	for name, c := range map[string]struct {
		a, b      diff.Side
		want      string
		outOfView int
	}{
		"of a cluster":               {saved("old", "shop"), diff.Live(city{namespaces: []string{"shop"}}, shopAndOld), removed, 0},
		"the only one":               {saved("old", "shop"), diff.Live(city{}, old), removed, 1},
		"of a snapshot":              {saved("old", "shop"), limited("old", "shop"), removed, 0},
		"the only one of a snapshot": {saved("old", "shop"), limited("old"), removed, 1},
		"in no cluster":              {saved("shop"), diff.Live(city{}, old), nowhere, 0},
		"in no snapshot":             {limited("old"), limited("old"), nowhere, 0},
		"in neither":                 {limited("old", "shop"), diff.Live(city{namespaces: []string{"shop"}}, shopAndOld), nowhere, 0},
		"there, and empty":           {limited("old"), empty, "", 0},
	} {
		var changes []*diff.Change
		summary, err := diff.Compare(t.Context(), c.a, c.b, func(c *diff.Change) error {
			changes = append(changes, c)
			return nil
		}, diff.Options{})
		switch {
		case c.want == nowhere:
			if err == nil || !strings.Contains(err.Error(), nowhere) || diff.ExitCode(summary, err) != 2 {
				t.Errorf("%s: the error is %v", name, err)
			}
		case err != nil || said(changes) != c.want || summary.OutOfView != c.outOfView:
			t.Errorf("%s: %v, %+v, the changes are\n%s", name, err, summary, said(changes))
		}
	}
}
