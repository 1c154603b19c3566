package proof

import (
	"iter"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests"
)

// What has happened since the dump is told, and spoils nothing.
func TestSince(t *testing.T) {
	w := filled(t)
	at := w.revision
	entries := w.dump(t, at)
	w.put(mapB, packed(t, "shop", "b", "uid-b"))
	w.put(mapB, packed(t, "shop", "b", "uid-b"))
	w.put(widgetA, object("example.com/v1", "Widget", "shop", "w", "uid-w"))
	w.delete(mapA)
	w.put("/registry/configmaps/shop/brief", packed(t, "shop", "brief", "uid-brief"))
	w.delete("/registry/configmaps/shop/brief")
	w.put("/registry/masterleases/10.0.0.1", nil)
	p := prove(t, report(at, outcomes()...), entries, w.store(at), Options{})
	want(t, p, append([]string{"created b: after the dump at 16", "changed widgets: after the dump at 16",
		"deleted a: deleted at revision 20"}, always...)...)
	if p.Strength != Exact || p.Matched != 3 {
		t.Errorf("the proof is %v", p)
	}
}

// The dump's revision is compacted, and the keys are newer.
func TestNewerKeys(t *testing.T) {
	w := filled(t)
	w.put(mapB, packed(t, "shop", "b", "uid-b"))
	w.put("/registry/configmaps/shop/again", packed(t, "shop", "again", "uid-1"))
	w.put("/registry/configmaps/shop/stays", packed(t, "shop", "stays", "uid-stays"))
	at := w.revision
	all := w.dump(t, at)
	w.put(widgetA, object("example.com/v1", "Widget", "shop", "w", "uid-w"))
	w.put("/registry/configmaps/shop/new", packed(t, "shop", "new", "uid-new"))
	w.put("/registry/configmaps/shop/brief", packed(t, "shop", "brief", "uid-brief"))
	w.compacted = w.delete("/registry/configmaps/shop/brief") // its tombstone stays
	w.delete(mapB)
	w.delete("/registry/configmaps/shop/again")
	w.put("/registry/configmaps/shop/again", packed(t, "shop", "again", "uid-2"))

	explained := append([]string{"created new: created at revision 21", "changed w: changed after the dump",
		"deleted b: deleted at revision 24", "changed again: deleted after the dump, and created again at revision 26"}, always...)
	for name, c := range map[string]struct {
		drop string
		edit func([]manifests.Entry)
		want []string
	}{
		"nothing is missing":          {},
		"one that is there unchanged": {drop: "stays", want: []string{"unsaved stays: its kind was listed"}},
		"one that has changed since":  {drop: "w", want: []string{"unsaved w: ", "-changed w"}},
		"one that was deleted since":  {drop: "b", want: []string{"unsaved b: ", "-deleted b"}},
		"one that was deleted and created since": {drop: "again",
			want: []string{"unsaved again: ", "-changed again", "created again: created at revision 26"}},
		"a state that never was": {edit: func(all []manifests.Entry) { entryOf(all, "w").ResourceVersion = "12" },
			want: []string{"differs w: its state fits neither", "-changed w"}},
		"another object": {edit: func(all []manifests.Entry) { entryOf(all, "w").UID = "uid-z" },
			want: []string{"differs w: it is there since revision 13", "-changed w"}},
		"an older state": {edit: func(all []manifests.Entry) { entryOf(all, "stays").ResourceVersion = "12" },
			want: []string{"differs stays: at revision 19 it was last changed at 19"}},
	} {
		t.Run(name, func(t *testing.T) {
			entries := without(all, c.drop)
			if c.edit != nil {
				c.edit(entries)
			}
			p := prove(t, report(at, outcomes()...), entries, w.store(w.revision), Options{})
			var findings []string
			for _, f := range append(explained, c.want...) {
				head, _, _ := strings.Cut(f, ": ")
				if !strings.HasPrefix(f, "-") && !slices.Contains(c.want, "-"+head) {
					findings = append(findings, f)
				}
			}
			want(t, p, findings...)
			if p.Strength != Weaker || len(p.Blind) != 2 {
				t.Errorf("the proof is %v, and it can't see: %v", p, p.Blind)
			}
		})
	}
	t.Run("without the history", func(t *testing.T) {
		s := w.store(w.revision)
		s.Events = nil
		p := prove(t, report(at, outcomes()...), all, s, Options{})
		explained[2] = "deleted b: it is no more at 26; whether it was there at 19 is compacted"
		want(t, p, explained...)
		if blind := strings.Join(p.Blind, "\n"); !strings.Contains(blind, "Of 1 objects of the dump") {
			t.Errorf("it says that it can't see: %s", blind)
		}
	})
}

func entryOf(all []manifests.Entry, name string) *manifests.Entry {
	for i := range all {
		if all[i].Name == name {
			return &all[i]
		}
	}
	return nil
}

// The snapshot is older than the dump.
func TestOlderKeys(t *testing.T) {
	w := filled(t)
	w.put(mapB, packed(t, "shop", "b", "uid-b"))
	w.put("/registry/configmaps/shop/again", packed(t, "shop", "again", "uid-1"))
	keys := w.revision
	w.put(widgetA, object("example.com/v1", "Widget", "shop", "w", "uid-w"))
	w.put("/registry/configmaps/shop/new", packed(t, "shop", "new", "uid-new"))
	w.delete(mapB)
	w.delete("/registry/configmaps/shop/again")
	w.put("/registry/configmaps/shop/again", packed(t, "shop", "again", "uid-2"))
	all := w.dump(t, w.revision)
	r := report(w.revision, outcomes()...)
	p := prove(t, r, all, w.store(keys), Options{})
	want(t, p, append([]string{"unsaved b: or it was deleted after revision 18", "changed w: after revision 18 of the keys",
		"created new: created after revision 18", "changed again: deleted and created again after revision 18"}, always...)...)
	if p.Strength != Weaker || len(p.Blind) == 0 {
		t.Errorf("the proof is %v", p)
	}
	entryOf(all, "a").ResourceVersion = "11"
	x := manifests.Key{Resource: "configmaps", Namespace: "shop", Name: "x"}
	all = append(all, manifests.Entry{Key: x, ResourceVersion: "12"})
	p = prove(t, r, all, w.store(keys), Options{})
	if p.Counts[Differs] != 1 || p.Counts[Unstored] != 1 {
		t.Errorf("a state and an object that never were give %v", p.Findings)
	}
}

// An event that was listed in the core group, and has changed since, is the same one.
func TestRenamed(t *testing.T) {
	w := filled(t)
	const key = "/registry/events/shop/e"
	w.put(key, packedAs(t, "v1", "Event", "shop", "e", "uid-e", nil))
	at := w.revision
	all := w.dump(t, at)
	for _, name := range []string{"d", "e"} { // and one of another group that is not
		key := manifests.Key{Resource: "events", Namespace: "shop", Name: name}
		all = append(all, manifests.Entry{Key: key, UID: "uid-" + name, ResourceVersion: "17"})
	}
	other := manifests.Key{Group: "a.example.com", Resource: "events", Namespace: "shop", Name: "e"}
	all = append(all, manifests.Entry{Key: other, UID: "uid-x"})
	listed := manifests.Outcome{Resource: manifests.Resource{Resource: "events"}, State: manifests.Listed}
	r := report(at, append(outcomes(), listed)...)
	w.put(key, packedAs(t, "v1", "Event", "shop", "e", "uid-e", nil))
	w.compacted = w.revision
	p := prove(t, r, all, w.store(w.revision), Options{})
	if f := p.Findings[0]; p.Counts[Unsaved] != 0 || p.Counts[Changed] != 1 {
		t.Errorf("the first finding is %v", f)
	}
}

// A compaction may leave a tombstone of its own revision, and one that is not finished leaves more. What was created and
// deleted after the dump, below the name of what was deleted before it, was never there when the dump was made.
func TestTombstones(t *testing.T) {
	w := filled(t)
	w.put(mapB, packed(t, "shop", "b", "uid-b"))
	w.delete(mapB)
	at := w.revision
	w.put(mapB, packed(t, "shop", "b", "uid-c"))
	w.delete(mapB)
	left := w.history[: len(w.history)-2 : len(w.history)-2]
	left = append(left, w.history[len(w.history)-1])
	s := w.store(w.revision)
	s.Events = func(after int64) iter.Seq2[*mvccpb.Event, error] {
		return func(yield func(*mvccpb.Event, error) bool) {
			for _, e := range left {
				if e.Kv.ModRevision > after && !yield(e, nil) {
					return
				}
			}
		}
	}
	want(t, prove(t, report(at, outcomes()...), w.dump(t, at), s, Options{}), always...)
}

// Two sides that have nothing in common prove nothing.
func TestNothingMatched(t *testing.T) {
	w := newWorld()
	w.put("/registry/masterleases/10.0.0.1", nil)
	p := prove(t, report(w.revision, outcomes()...), nil, w.store(w.revision), Options{})
	if p.Complete() || p.Counts[Unsaved] != 0 {
		t.Errorf("the proof is %v", p)
	}
}
