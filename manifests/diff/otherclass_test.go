package diff_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
)

// accounts are the default accounts of namespaces, with what each may pull, as a server lists them: by metadata alone.
type accounts struct {
	diff.Cluster
	pull    map[string]string // by namespace
	version string
}

var account = manifests.Resource{Version: "v1", Resource: "serviceaccounts", Kind: "ServiceAccount", Namespaced: true}

func (a accounts) Versions(_ context.Context, opts manifests.Options) (all []manifests.Entry, r *manifests.Report, err error) {
	if len(opts.Classes) > 0 && !slices.Contains(opts.Classes, manifests.Bootstrap) {
		return nil, &manifests.Report{}, nil // as Versions selects by what metadata tells
	}
	for namespace := range a.pull {
		all = append(all, manifests.Entry{
			Key:     manifests.Key{Resource: "serviceaccounts", Namespace: namespace, Name: "default"},
			Version: "v1", Kind: "ServiceAccount", UID: "u-" + namespace, ResourceVersion: a.version, Class: manifests.Bootstrap,
		})
	}
	return all, &manifests.Report{
		Selection: manifests.Selection{Classes: opts.Classes},
		Outcomes:  []manifests.Outcome{{Resource: account, State: manifests.Listed}},
	}, nil
}

func (a accounts) Get(_ context.Context, key manifests.Key, level manifests.Level) (*manifests.Object, error) {
	text := `{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"default","namespace":%q}%s}`
	pull := a.pull[key.Namespace]
	if pull != "" {
		pull = fmt.Sprintf(`,"imagePullSecrets":[{"name":%q}]`, pull)
	}
	return manifests.Canonical(fmt.Appendf(nil, text, key.Namespace, pull), account, level)
}

// What people add to the account of a namespace makes it theirs, and does not stand in its metadata.
func TestAccountsThatPeopleHaveChanged(t *testing.T) {
	before := accounts{pull: map[string]string{"a": "", "b": "old", "c": "", "d": "same"}, version: "1"}
	after := accounts{pull: map[string]string{"a": "", "b": "new", "c": "new", "d": "same", "e": "new", "f": ""}, version: "2"}
	const want = "serviceaccounts/default -n b changed\n  imagePullSecrets[name=old] removed a={\"name\":\"old\"}\n" +
		"  imagePullSecrets[name=new] added b={\"name\":\"new\"}\n"
	for _, classes := range [][]manifests.Class{nil, {manifests.User}} {
		side := func(a accounts) diff.Side { return diff.Live(a, manifests.Options{Classes: classes}) }
		changes, summary := compare(t, side(before), side(after), diff.Options{Classes: classes})
		var names []string
		for _, c := range changes {
			names = append(names, c.Namespace+" "+string(c.What))
			if c.Class != manifests.User {
				t.Errorf("%v is of class %s", c.Key, c.Class)
			}
		}
		if got := fmt.Sprint(names); got != "[b changed c changed e added]" {
			t.Errorf("with classes %v the changes are\n%s", classes, said(changes))
		}
		// That of a is nobody's before and after; so is that of f, which is new.
		if summary.Same != 1 || summary.LeftOut[manifests.Bootstrap]+summary.OutOfView != 2 {
			t.Errorf("with classes %v the summary is %+v", classes, *summary)
		}
		wantSaid(t, changes[:1], want)
	}
}

// What has not moved is not read for its class.
func TestAccountsThatHaveNotMoved(t *testing.T) {
	a := accounts{pull: map[string]string{"a": "", "b": "old"}, version: "1"}
	changes, summary := compare(t, diff.Live(a, manifests.Options{}), diff.Live(a, manifests.Options{}), diff.Options{})
	if len(changes) != 0 || summary.Read != 0 || summary.LeftOut[manifests.Bootstrap] != 2 {
		t.Errorf("the summary is %+v, the changes are\n%s", *summary, said(changes))
	}
}
