package proof

import (
	"context"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

// second is a dump at 16 and a second list at 30, without the server that would have given it.
func second(t *testing.T, before, now []manifests.Outcome, all ...manifests.Entry) *api {
	t.Helper()
	j, err := newJudge(t.Context(), Dump{Report: report(16, before...), Entries: entries(all)}, Options{})
	must(t, err)
	t.Cleanup(j.close)
	a := &api{judge: j, now: newCoverage(report(30, now...)), fresh: map[gr]*fresh{}, moved: map[gr]bool{}}
	a.revision, j.inSelection = 30, a.selected
	a.get = func(context.Context, manifests.Key, manifests.Level) (*manifests.Object, error) {
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "any"}, "a")
	}
	return a
}

func (a *api) end() *Proof {
	p := a.proof()
	p.Strength, p.Matched = APIOnly, 1
	return p
}

func configMap(name, uid, rv string) manifests.Entry {
	key := manifests.Key{Resource: "configmaps", Namespace: "shop", Name: name}
	return manifests.Entry{Key: key, UID: uid, ResourceVersion: rv}
}

// Each row of what a second list shows.
func TestSecondList(t *testing.T) {
	of := func(name, uid string, mod int64) stored {
		e := configMap(name, uid, fmt.Sprint(mod))
		return stored{Key: e.Key, use: storage.Object, mod: mod, version: e.ResourceVersion, uid: uid, class: manifests.User}
	}
	far := func(clock string) []manifests.Outcome {
		r := manifests.Resource{Group: "far.example.com", Version: "v1", Resource: "gauges", Kind: "Gauge"}
		return append(outcomes(), manifests.Outcome{Resource: r, State: manifests.Listed, Clock: clock})
	}
	gauge := stored{use: storage.Object, mod: 60, version: "60"}
	gauge.Key = manifests.Key{Group: "far.example.com", Resource: "gauges", Name: "g"}
	excluded := outcomes()
	for i := range excluded {
		excluded[i].State = manifests.Excluded
	}
	for name, c := range map[string]struct {
		before  []manifests.Outcome
		dumped  manifests.Entry
		now     stored
		want    []string
		moved   bool // the kind
		watched bool
	}{
		"the same": {dumped: configMap("a", "uid-a", "12"), now: of("a", "uid-a", 12)},
		"changed since": {dumped: configMap("a", "uid-a", "12"), now: of("a", "uid-a", 20), moved: true,
			want: []string{"changed a: after the dump"}},
		"created again": {dumped: configMap("a", "uid-a", "12"), now: of("a", "uid-b", 20), moved: true,
			want: []string{"changed a: deleted after the dump at 16, and created again"}},
		"another state": {dumped: configMap("a", "uid-a", "12"), now: of("a", "uid-a", 14), moved: true,
			want: []string{"differs a: last changed at 14"}},
		"dropped": {dumped: configMap("b", "uid-b", "12"), now: of("a", "uid-a", 12), moved: true,
			want: []string{"unsaved a: its kind was listed", "deleted b: no more at 30"}},
		"gone":                   {dumped: configMap("a", "uid-a", "12"), moved: true, want: []string{"deleted a: no more at 30"}},
		"another store, newer":   {before: far("50"), now: gauge, watched: true},
		"another store, dropped": {before: far("70"), now: gauge, want: []string{"unsaved g: another store"}},
		"excluded":               {before: excluded, now: of("a", "uid-a", 12)},
		"no clock":               {before: far("unknown"), now: gauge, want: []string{"unchecked gauges: no clock"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.before == nil {
				c.before = outcomes()
			}
			var all []manifests.Entry
			if c.dumped.Name != "" {
				all = append(all, c.dumped)
			}
			a := second(t, c.before, c.before, all...)
			if c.now.Name != "" {
				must(t, a.object(t.Context(), c.now))
			}
			must(t, a.gone(t.Context()))
			want(t, a.end(), c.want...)
			if moved := a.moved[gr{"", "configmaps"}]; moved != c.moved || (len(a.fresh) > 0) != c.watched {
				t.Errorf("moved is %t, and to be watched are %v", moved, a.fresh)
			}
		})
	}
}

// What a watch says first of an object tells whether it is new.
func TestFirstEvent(t *testing.T) {
	for what, finding := range map[watch.EventType]string{
		watch.Added:    "created a: at resource version 20",
		watch.Modified: "unsaved a: not in the dump", watch.Deleted: "unsaved a: not in the dump",
	} {
		a := second(t, outcomes(), outcomes())
		e := configMap("a", "uid-a", "20")
		must(t, a.newer(t.Context(), stored{Key: e.Key, use: storage.Object, mod: 20, uid: "uid-a"}, 16))
		f := a.fresh[gr{"", "configmaps"}]
		for _, name := range []string{"b", "a", "a"} { // one that nobody asked for, and one that is known by then
			o := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
				Namespace: "shop", Name: name, UID: types.UID("uid-" + name), ResourceVersion: "20",
			}}
			must(t, a.first(t.Context(), what, o, f))
		}
		want(t, a.end(), finding)
		if !a.moved[gr{"", "configmaps"}] {
			t.Error("the kind has not moved")
		}
	}
}

// What neither list shows is told kind by kind.
func TestUnlistedKinds(t *testing.T) {
	state := func(resource string, s manifests.State) manifests.Outcome {
		r := manifests.Resource{Group: "example.org", Version: "v1", Resource: resource, Kind: "Any"}
		return manifests.Outcome{Resource: r, State: s, Why: "why"}
	}
	before := []manifests.Outcome{
		state("healed", manifests.Failed), state("hidden", manifests.Unserved), state("gone", manifests.Forbidden),
	}
	now := []manifests.Outcome{state("healed", manifests.Listed), state("hidden", manifests.Unserved),
		state("broken", manifests.Failed), state("broken", manifests.Failed)}
	lost := manifests.Entry{Key: manifests.Key{Group: "example.org", Resource: "broken", Name: "a"}, ResourceVersion: "12"}
	a := second(t, append(before, state("broken", manifests.Listed)), now, lost)
	must(t, a.gone(t.Context()))
	a.unlisted(map[gr]int{{"example.org", "hidden"}: 3})
	want(t, a.end(), "unchecked hidden: served by none: why; the API server counts 3",
		"unchecked broken: failed: why", "unchecked gone: forbidden: why")
}

// The server's own counts, against the lists.
func TestCounts(t *testing.T) {
	listed := func(group, resource string, n int) manifests.Outcome {
		r := manifests.Resource{Group: group, Version: "v1", Resource: resource}
		return manifests.Outcome{Resource: r, State: manifests.Listed, Objects: n}
	}
	same := listed("", "events", 0)
	same.State = manifests.SameObjects
	divided := listed("", "pods", 1)
	divided.Namespace = "shop"
	all := []manifests.Outcome{
		listed("", "secrets", 5), listed("events.k8s.io", "events", 7), same, divided, listed("apps", "deployments", 2),
	}
	const metrics = `# TYPE apiserver_resource_objects gauge
apiserver_resource_objects{group="",resource="secrets"} 5
apiserver_resource_objects{group="",resource="events"} 8
apiserver_resource_objects{group="",resource="pods"} 9
apiserver_resource_objects{group="apps",resource="deployments"} 3
apiserver_resource_objects{group="new.example.com",resource="things"} 1e+01
apiserver_resource_objects{group="new.example.com",resource="none"} 0
apiserver_resource_objects{group="new.example.com",resource="broken"} -1
apiserver_resource_objects{group="new.example.com",resource="odd"} NaN
apiserver_resource_objects{group="new.example.com",resource="odd"} x
apiserver_storage_objects{resource="old.example.com"} 1
apiserver_resource_size_estimate_bytes{group="",resource="secrets"} 500
`
	counted, err := parseCounts(strings.NewReader(metrics))
	must(t, err)
	if len(counted) != 7 {
		t.Errorf("counted are %v", counted)
	}
	a := second(t, all, all)
	a.moved[gr{"apps", "deployments"}] = true
	a.compare(counted)
	want(t, a.end(), "unchecked events: counts 8 in its storage, and lists 7",
		"unchecked things: counts 10 in its storage, and shows no such kind",
		"unchecked old: counts 1 in its storage, and shows no such kind")
	for text, says := range map[string]string{
		`apiserver_resource_objects{group="",resource="secrets"} 0`: "not counted yet", "": "not counted yet",
		strings.Repeat("x", 1<<17): "too long",
	} {
		if got, err := parseCounts(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), says) || got != nil {
			t.Errorf("%.20q: %v, %v", text, got, err)
		}
	}
}

// Metadata tells the class, but for objects that have completed and for accounts that people have changed.
func TestClassOfSecondList(t *testing.T) {
	pod := manifests.Key{Resource: "pods", Namespace: "shop", Name: "p"}
	account := manifests.Key{Resource: "serviceaccounts", Namespace: "shop", Name: "default"}
	user, completed, bootstrap := manifests.User, manifests.Completed, manifests.Bootstrap
	for _, c := range []struct {
		classes   []manifests.Class
		key       manifests.Key
		is, whole manifests.Class // by its metadata, and when it is read; empty if it is not to be read
		want      bool
	}{
		{nil, pod, manifests.Generated, "", true},
		{[]manifests.Class{user, completed}, pod, user, "", true},
		{[]manifests.Class{user}, pod, manifests.Generated, "", false},
		{[]manifests.Class{user}, pod, user, completed, false},
		{[]manifests.Class{user}, pod, user, user, true},
		{[]manifests.Class{user}, manifests.Key{Resource: "configmaps", Name: "c"}, user, "", true},
		{[]manifests.Class{user}, account, bootstrap, user, true},
		{[]manifests.Class{user}, account, bootstrap, bootstrap, false},
		{[]manifests.Class{bootstrap}, account, bootstrap, user, false},
		{[]manifests.Class{user, bootstrap}, account, bootstrap, "", true},
		{[]manifests.Class{completed}, account, bootstrap, "", false},
	} {
		a := second(t, outcomes(), outcomes())
		read := false
		a.get = func(_ context.Context, key manifests.Key, _ manifests.Level) (*manifests.Object, error) {
			read = key == c.key
			return &manifests.Object{Entry: manifests.Entry{Class: c.whole}}, nil
		}
		a.report.Selection.Classes = c.classes
		in, err := a.selected(t.Context(), stored{Key: c.key, class: c.is})
		if err != nil || in != c.want || read != (c.whole != "") {
			t.Errorf("%v, %s by its metadata, in %v: %t, %v, read %t", c.key, c.is, c.classes, in, err, read)
		}
	}
}

// The second list asks for what the first one did.
func TestAgain(t *testing.T) {
	all := outcomes()
	for i := range all {
		if o := &all[i]; o.Namespaced {
			other := *o
			o.Namespace, other.Namespace = "shop", "bank"
			all = append(all, other)
		} else {
			o.State = manifests.Excluded
		}
	}
	a := second(t, all, all)
	a.report.Selection.LabelSelector = "app=web"
	opts := a.again()
	if fmt.Sprint(opts.Namespaces) != "[shop bank]" || opts.LabelSelector != "app=web" || len(opts.Classes) > 0 {
		t.Errorf("the options are %+v", opts)
	}
	if !opts.Exclude(manifests.Resource{Resource: "namespaces"}) || opts.Exclude(manifests.Resource{Resource: "configmaps"}) {
		t.Error("excluded are others")
	}
	for i := range all { // the same of somebody who lacks rights
		if !all[i].Namespaced {
			all[i].State = manifests.Listed
		}
	}
	if opts := second(t, all, all).again(); len(opts.Namespaces) > 0 {
		t.Errorf("the options are %+v", opts)
	}
}

func FuzzCounts(f *testing.F) {
	f.Add([]byte("apiserver_resource_objects{group=\"\",resource=\"secrets\"} 5\n"))
	f.Add([]byte("apiserver_storage_objects{resource=\"a.b\"} 1e9\n# HELP\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		counted, err := parseCounts(strings.NewReader(string(b)))
		for of, n := range counted {
			if n < 0 || err != nil {
				t.Errorf("%v counts %d (%v)", of, n, err)
			}
		}
	})
}

// An object of a kind that the API server no longer has is no more either.
func TestKindIsGone(t *testing.T) {
	now := outcomes()[:3]
	widget := manifests.Entry{ResourceVersion: "12"}
	widget.Key = manifests.Key{Group: "example.com", Resource: "widgets", Namespace: "shop", Name: "w"}
	a := second(t, outcomes(), now, widget)
	must(t, a.gone(t.Context()))
	want(t, a.end(), "deleted w: it is no more at 30, after the dump at 16: no API server showed its kind")

	// Nor does it tell anything that the API server of a group is down, but unlisted says so of the whole group.
	down := manifests.Outcome{Resource: manifests.Resource{Group: "example.com", Resource: everything}, State: manifests.Failed}
	a = second(t, outcomes(), append(now, down), widget)
	must(t, a.gone(t.Context()))
	a.unlisted(nil)
	want(t, a.end(), "unchecked *: failed")
}
