package volsnap

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// followed is a run over one claim, its snapshot with a creation time or without, and the content of that, cut or not.
func followed(t *testing.T) (*taking, *job, func(uid string, cut bool) *api.Snapshot, func(uid string, cut bool) *api.Content) {
	t.Helper()
	plan := &Plan{Volumes: []Volume{{Namespace: "shop", Claim: "data", Driver: "disk.example"}}}
	opts, err := TakeOptions{Run: "run"}.check()
	if err != nil {
		t.Fatal(err)
	}
	run := newTaking(nil, plan, opts)
	run.units = run.makeUnits()
	j := run.jobOf("shop", "data")
	snapshot := func(uid string, cut bool) *api.Snapshot {
		s := &api.Snapshot{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: j.name, UID: types.UID(uid)}}
		s.Status = &api.SnapshotStatus{}
		if cut {
			s.Status.CreationTime = &metav1.Time{}
		}
		return s
	}
	content := func(uid string, cut bool) *api.Content {
		c := &api.Content{}
		c.Spec.Snapshot = api.Reference{Namespace: "shop", Name: j.name, UID: uid}
		if cut {
			handle, at := "handle", int64(1)
			c.Status = &api.ContentStatus{Handle: &handle, CreationTime: &at}
		}
		return c
	}
	return run, j, snapshot, content
}

// What a watch has told of a cut does not come again, so an answer that is older by a moment must not replace it.
func TestReadingTakesNoCutBack(t *testing.T) {
	run, j, snapshot, content := followed(t)
	run.readSnapshot(snapshot("a", false))
	run.readContent(content("a", false))
	if s, c, _ := run.state(j); s == nil || c == nil || run.isCut(j) {
		t.Fatalf("what was read is %v, %v", s, c)
	}
	<-j.unit.changed
	if _, err := run.seeSnapshot(snapshot("a", true), false); err != nil {
		t.Fatal(err)
	}
	if _, err := run.seeContent(content("a", true), false); err != nil {
		t.Fatal(err)
	}
	run.readSnapshot(snapshot("a", false))
	run.readContent(content("a", false))
	if s, _, _ := run.state(j); !run.isCut(j) || s.Status.CreationTime == nil {
		t.Error("what was read later, and is older, has taken the cut back")
	}
	// Another snapshot of the name is another matter.
	run.readSnapshot(snapshot("b", false))
	if s, _, _ := run.state(j); s.UID != "b" || run.isCut(j) {
		t.Errorf("the snapshot is %+v, and cut: %v", s, run.isCut(j))
	}
	run.readContent(content("b", true))
	if !run.isCut(j) {
		t.Error("what was read of a cut is not taken")
	}
	// Of snapshots that are of no job nothing is taken.
	other := content("b", false)
	other.Spec.Snapshot.Name = "other"
	run.readContent(other)
	stranger := snapshot("c", true)
	stranger.Name = "other"
	run.readSnapshot(stranger)
	if s, _, _ := run.state(j); s.UID != "b" || !run.isCut(j) {
		t.Errorf("the snapshot is %+v, and cut: %v", s, run.isCut(j))
	}
}
