package proof

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clustersnap/clustersnap/manifests"
)

// What the second list does not have is looked up, and nothing is said of it that this does not show.
func TestLookUp(t *testing.T) {
	dumped := configMap("a", "uid-a", "12")
	found := func(uid string) (*manifests.Object, error) {
		return &manifests.Object{Entry: configMap("a", uid, "12")}, nil
	}
	for name, c := range map[string]struct {
		selector string
		object   *manifests.Object
		err      error
		uid      string
		want     string
	}{
		"refused":     {err: errors.New("no right"), want: "unchecked a: no more at 30, and could not be looked up: no right"},
		"another":     {uid: "uid-b", want: `changed a: another of its name is there by now, with uid "uid-b"`},
		"relabelled":  {selector: "app=web", uid: "uid-a", want: "changed a: its labels are no more those that were selected"},
		"list missed": {uid: "uid-a", want: "unchecked a: the list at 30 does not have it, and it is there"},
	} {
		a := second(t, outcomes(), outcomes(), dumped)
		a.report.Selection.LabelSelector = c.selector
		a.get = func(context.Context, manifests.Key, manifests.Level) (*manifests.Object, error) {
			if c.err != nil {
				return nil, c.err
			}
			return found(c.uid)
		}
		t.Run(name, func(t *testing.T) {
			must(t, a.gone(t.Context()))
			want(t, a.end(), c.want)
			if len(a.blind) != 0 {
				t.Errorf("it can't see %q", a.blind)
			}
		})
	}
	a := second(t, outcomes(), outcomes(), dumped)
	must(t, a.gone(t.Context()))
	want(t, a.end(), "deleted a: nor when it was looked up; whether it was there at 16 is not known")
	if len(a.blind) != 1 || !strings.HasPrefix(a.blind[0], "Of 1 objects of the dump that are no more, it is not known") {
		t.Errorf("it can't see %q", a.blind)
	}
}

// Of the many that go by themselves, as events do, not each is asked for.
func TestLookUpsAreBounded(t *testing.T) {
	var all []manifests.Entry
	for i := range maxLookups + 2 {
		all = append(all, configMap(fmt.Sprintf("c%04d", i), "", "12"))
	}
	a := second(t, outcomes(), outcomes(), all...)
	asked, none := 0, a.get
	a.get = func(ctx context.Context, key manifests.Key, level manifests.Level) (*manifests.Object, error) {
		asked++
		return none(ctx, key, level)
	}
	must(t, a.gone(t.Context()))
	p := a.end()
	if asked != maxLookups || p.Counts[Deleted] != maxLookups || p.Counts[Unchecked] != 2 || p.Complete() {
		t.Errorf("%d are asked for, and found is %v", asked, p.Counts)
	}
	if !strings.Contains(fmt.Sprint(a.blind), fmt.Sprint(maxLookups)) {
		t.Errorf("it can't see %q", a.blind)
	}
}

// A namespace that a view of a snapshot was limited to, and that it does not have, says nothing of kinds.
func TestNamespaceThatIsNotThere(t *testing.T) {
	gone := manifests.Outcome{
		Resource: manifests.Resource{Resource: everything}, Namespace: "shpo", State: manifests.Listed, Why: "no such namespace",
	}
	c := newCoverage(report(16, append(outcomes(), gone)...))
	if lost := c.lost(""); lost != nil {
		t.Errorf("lost is %v", lost)
	}
	of := manifests.Key{Resource: "unheard", Namespace: "shop", Name: "a"}
	if o := c.of(of); o.Why != "no API server showed its kind" {
		t.Errorf("of a kind that nobody knows it says %q", o.Why)
	}
	if found := c.unchecked(nil); len(found) != 0 {
		t.Errorf("it finds %v", found)
	}
}

// A namespace that the dump was limited to, and that is no more, has its objects asked for one by one.
func TestEmptiedNamespaces(t *testing.T) {
	limited := outcomes()[1:2]
	limited[0].Namespace = "shop"
	notFound := apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "shop")
	for name, c := range map[string]struct {
		namespace error // what is said of it
		want      string
	}{
		"gone":    {notFound, "deleted a: it is no more at 30, nor when it was looked up"},
		"refused": {errors.New("no right"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := second(t, limited, nil, configMap("a", "uid-a", "12"))
			none := a.get
			a.get = func(ctx context.Context, k manifests.Key, level manifests.Level) (*manifests.Object, error) {
				if k.Resource == "namespaces" {
					return nil, c.namespace
				}
				return none(ctx, k, level)
			}
			a.versions = func(_ context.Context, opts manifests.Options) ([]manifests.Entry, *manifests.Report, error) {
				if opts.Namespaces[0] == "shop" {
					return nil, nil, notFound
				}
				other := limited[0]
				other.Namespace = opts.Namespaces[0]
				stranger := manifests.Key{Resource: "configmaps", Namespace: other.Namespace, Name: "b"}
				return []manifests.Entry{{Key: stranger}}, report(30, other), nil
			}
			err := a.relist(t.Context())
			if c.want == "" {
				if !errors.Is(err, notFound) {
					t.Errorf("the error is %v", err)
				}
				return
			}
			must(t, err)
			must(t, a.gone(t.Context()))
			want(t, a.end(), c.want)
		})
	}
}
