package diff_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
)

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {k: %s}\n---\n"

func TestObjectsOfTwoSides(t *testing.T) {
	a := files(t, fmt.Sprintf(configMap+configMap+configMap, "gone", "v", "moved", "old", "same", "v"))
	b := files(t, fmt.Sprintf(configMap+configMap+configMap, "same", "v", "moved", "new", "made", "v"))
	changes, summary := compare(t, a, b, diff.Options{})
	wantSaid(t, changes, `configmaps/gone -n default removed
configmaps/made -n default added
configmaps/moved -n default changed
  data.k changed a="old" b="new"
`)
	if s := *summary; s.Same != 1 || s.Added != 1 || s.Removed != 1 || s.Changed != 1 || s.Failed != 0 || s.Read != 4 {
		t.Errorf("the summary is %+v", s)
	}
	if c := changes[2]; c.Kind != "ConfigMap" || c.Class != manifests.User || c.PlaceA != "all.yaml:6" || c.PlaceB != "all.yaml:6" {
		t.Errorf("the change is %+v", *c)
	}
	if c := changes[1]; c.PlaceA != "" || c.PlaceB != "all.yaml:11" {
		t.Errorf("the change is %+v", *c)
	}
}

// What the entries tell is believed, and nothing is read for it.
func TestEntriesThatSuffice(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b manifests.Entry
		same bool
	}{
		{"one hash", named("x", "h", "", ""), named("x", "h", "", ""), true},
		{"one hash of two versions", named("x", "h", "u", "1"), named("x", "h", "u", "2"), true},
		{"two hashes of one version", named("x", "h", "u", "1"), named("x", "i", "u", "1"), false},
		{"one version", named("x", "h", "u", "1"), named("x", "", "u", "1"), true},
		{"two versions", named("x", "h", "u", "1"), named("x", "", "u", "2"), false},
		{"one version of two objects", named("x", "", "u", "1"), named("x", "", "v", "1"), false},
		{"no uid", named("x", "", "", "1"), named("x", "", "", "1"), false},
		{"no version", named("x", "", "u", ""), named("x", "", "u", ""), false},
		{"nothing", named("x", "", "", ""), named("x", "", "", ""), false},
	} {
		a, b := (&view{}).add(c.a, "old"), (&view{}).add(c.b, "new")
		changes, summary := compare(t, a, b, diff.Options{})
		if c.same && (len(changes) != 0 || summary.Read != 0 || summary.Same != 1) {
			t.Errorf("%s: changes %q, summary %+v: want none, and nothing read", c.name, said(changes), *summary)
		}
		if !c.same && (len(changes) != 1 || summary.Read != 2) {
			t.Errorf("%s: changes %q, summary %+v: want one", c.name, said(changes), *summary)
		}
	}
}

func TestEqualObjectsWithOtherEntriesAreTheSame(t *testing.T) {
	a, b := (&view{}).add(named("x", "h", "", ""), "v"), (&view{}).add(named("x", "i", "", ""), "v")
	changes, summary := compare(t, a, b, diff.Options{})
	if len(changes) != 0 || summary.Same != 1 || summary.Ignored != 0 || diff.ExitCode(summary, nil) != 0 {
		t.Errorf("changes %q, summary %+v", said(changes), *summary)
	}
}

func TestClasses(t *testing.T) {
	entry := func(name string, class manifests.Class) manifests.Entry {
		e := named(name, "", "", "")
		e.Class = class
		return e
	}
	a, b := &view{}, &view{}
	for _, class := range []manifests.Class{
		manifests.User, manifests.Generated, manifests.Bootstrap, manifests.NodeBound, manifests.Terminating,
		manifests.Completed, manifests.Virtual,
	} {
		b.add(entry(string(class), class), "v")
	}
	// One side knows better than the other.
	a.add(entry("promoted", manifests.Bootstrap), "v")
	b.add(entry("promoted", manifests.User), "w")
	changes, summary := compare(t, a, b, diff.Options{})
	wantSaid(t, changes, `configmaps/completed added
configmaps/promoted changed
  data.k changed a="v" b="w"
configmaps/terminating added
configmaps/user added
`)
	want := map[manifests.Class]int{manifests.Generated: 1, manifests.Bootstrap: 1, manifests.NodeBound: 1, manifests.Virtual: 1}
	if fmt.Sprint(summary.LeftOut) != fmt.Sprint(want) {
		t.Errorf("left out are %v, want %v", summary.LeftOut, want)
	}
	changes, _ = compare(t, a, b, diff.Options{Classes: []manifests.Class{manifests.Generated}})
	wantSaid(t, changes, "configmaps/generated added\n")
}

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		summary *diff.Summary
		err     error
		want    int
	}{
		{&diff.Summary{Same: 3, Ignored: 2, OutOfView: 1}, nil, 0},
		{&diff.Summary{Added: 1}, nil, 1},
		{&diff.Summary{Removed: 1}, nil, 1},
		{&diff.Summary{Changed: 1}, nil, 1},
		{&diff.Summary{Changed: 1, Failed: 1}, nil, 2},
		{&diff.Summary{MissingA: []manifests.Outcome{{}}}, nil, 2},
		{&diff.Summary{MissingB: []manifests.Outcome{{}}}, nil, 2},
		{nil, errors.New("bad"), 2},
		{&diff.Summary{}, errors.New("bad"), 2},
	} {
		if got := diff.ExitCode(c.summary, c.err); got != c.want {
			t.Errorf("the exit code of %+v and %v is %d, want %d", c.summary, c.err, got, c.want)
		}
	}
}

// broken is a side with one object that can't be read.
type broken struct{ *view }

func (b broken) Object(ctx context.Context, e manifests.Entry) ([]byte, error) {
	if e.Name == "broken" {
		return nil, fmt.Errorf("read the file of its own: %w", fs.ErrNotExist) // which is no way for an object to go
	}
	return b.view.Object(ctx, e)
}

func TestOneObjectFails(t *testing.T) {
	a := (&view{}).add(named("broken", "", "", ""), "v").add(named("no-yaml", "", "", ""), "v").add(named("other", "", "", ""), "v")
	b := (&view{}).add(named("broken", "", "", ""), "v").add(named("no-yaml", "", "", ""), "v").add(named("other", "", "", ""), "w")
	a.texts[a.entries[1].Key] = "- a list\n"
	changes, summary := compare(t, a, broken{b}, diff.Options{})
	wantSaid(t, changes, `configmaps/broken failed: read side b: read the file of its own: file does not exist
configmaps/no-yaml failed: read side a: it is not an object of YAML or JSON
configmaps/other changed
  data.k changed a="v" b="w"
`)
	if summary.Failed != 2 || summary.Changed != 1 || diff.ExitCode(summary, nil) != 2 {
		t.Errorf("the summary is %+v", *summary)
	}
}

// What went away since it was listed is not there.
func TestGoneSinceTheList(t *testing.T) {
	a := (&view{}).add(named("both", "", "", ""), "v").add(named("one", "", "", ""), "v")
	b := (&view{}).add(named("both", "", "", ""), "v").add(named("one", "", "", ""), "v")
	delete(a.texts, a.entries[0].Key)
	delete(b.texts, a.entries[0].Key)
	delete(b.texts, a.entries[1].Key)
	changes, _ := compare(t, a, b, diff.Options{})
	wantSaid(t, changes, "configmaps/one removed\n")
}

// unlisted is a side that can't be listed.
type unlisted struct{ view }

func (*unlisted) Entries(context.Context) iter.Seq2[manifests.Entry, error] {
	return func(yield func(manifests.Entry, error) bool) { yield(manifests.Entry{}, errors.New("no route")) }
}

func TestWhatEndsAComparison(t *testing.T) {
	a := (&view{}).add(named("x", "", "", ""), "v").add(named("y", "", "", ""), "v")
	twice := (&view{}).add(named("x", "", "", ""), "v").add(named("x", "", "", ""), "v")
	cancelled, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	stop := errors.New("the pipe is closed")
	for _, c := range []struct {
		name string
		ctx  context.Context
		b    diff.Side
		each error
		want string
	}{
		{"list", t.Context(), &unlisted{}, nil, "compare objects: list side b: no route"},
		{"twice", t.Context(), twice, nil, "compare objects: list side b: configmaps/x is listed twice"},
		{"context", cancelled, &view{}, nil, "compare objects: enough"},
		{"each", t.Context(), &view{}, stop, "hand on configmaps/x: the pipe is closed"},
	} {
		summary, err := diff.Compare(c.ctx, a, c.b, func(*diff.Change) error { return c.each }, diff.Options{})
		if err == nil || err.Error() != c.want || summary != nil {
			t.Errorf("%s: the error is %v, want %s", c.name, err, c.want)
		}
		if c.each != nil && !errors.Is(err, c.each) {
			t.Errorf("%s: the error hides its cause", c.name)
		}
	}
}

// busy counts how many of its objects are read at once, and lets none go before as many are as may be.
type busy struct {
	*view
	now, most atomic.Int32
	full      chan struct{}
	filled    sync.Once
	limit     int32
}

func (b *busy) Object(ctx context.Context, e manifests.Entry) ([]byte, error) {
	now := b.now.Add(1)
	defer b.now.Add(-1)
	for most := b.most.Load(); now > most && !b.most.CompareAndSwap(most, now); most = b.most.Load() {
	}
	if now == b.limit {
		b.filled.Do(func() { close(b.full) })
	}
	select {
	case <-b.full:
	case <-ctx.Done():
	}
	return b.view.Object(ctx, e)
}

func TestAFewObjectsAtOnceInOrder(t *testing.T) {
	a, b := &view{}, &busy{view: &view{}, full: make(chan struct{}), limit: 3}
	var want strings.Builder
	for i := range 50 {
		name := fmt.Sprintf("n%02d", i)
		a.add(named(name, "", "", ""), "v")
		b.add(named(name, "", "", ""), "v"+name)
		fmt.Fprintf(&want, "configmaps/%s changed\n  data.k changed a=\"v\" b=\"v%s\"\n", name, name)
	}
	changes, _ := compare(t, a, b, diff.Options{Parallel: 3})
	wantSaid(t, changes, want.String())
	if most := b.most.Load(); most != 3 {
		t.Errorf("%d objects were read at once, want 3", most)
	}
}
