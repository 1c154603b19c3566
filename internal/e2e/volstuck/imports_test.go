package volstuck

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/volsnap"
)

// complains reports whether a snapshot or a content has an error.
func complains(o *unstructured.Unstructured) bool {
	_, found, _ := unstructured.NestedMap(o.Object, "status", "error")
	return found
}

// cut reports whether a snapshot says when it was cut.
func cut(o *unstructured.Unstructured) bool {
	_, found, _ := unstructured.NestedString(o.Object, "status", "creationTime")
	return found
}

func importOfNothing(t *testing.T, s *scene) {
	s.adopt(t, "one", "nowhere")
	s.Until(t, csibed.Snapshots, s.namespace, "one", complains)
	s.want(t, "one", volsnap.CauseContentMissing, false)
}

func importOfAnothers(t *testing.T, s *scene) {
	s.adopt(t, "one", s.content(t, s.lists.Name, "nothing", "two"))
	s.Until(t, csibed.Snapshots, s.namespace, "one", complains)
	s.want(t, "one", volsnap.CauseBoundElsewhere, false)
}

// importOfVolumes adopts the content of a snapshot of a claim: its handle is not the source.
func importOfVolumes(t *testing.T, s *scene) {
	s.take(t, "taken", s.lists.Name)
	taken := s.Ready(t, s.namespace, "taken")
	content, _, _ := unstructured.NestedString(taken.Object, "status", "boundVolumeSnapshotContentName")
	s.adopt(t, "one", content)
	s.Until(t, csibed.Snapshots, s.namespace, "one", complains)
	s.want(t, "one", volsnap.CauseBoundElsewhere, false)
}

// importOfNoHandle asks a driver that can tell that it does not have the handle.
func importOfNoHandle(t *testing.T, s *scene) {
	s.adopt(t, "one", s.content(t, s.lists.Name, "nothing", "one"))
	s.Until(t, csibed.Snapshots, s.namespace, "one", complains)
	s.want(t, "one", volsnap.CauseHandleMissing, false)
}

// importThatLies asks one that can't: the sidecar says that what is not there is ready, and was cut now.
func importThatLies(t *testing.T, s *scene) {
	s.adopt(t, "one", s.content(t, s.liar.Name, "nothing", "one"))
	o := s.Ready(t, s.namespace, "one")
	if !cut(o) {
		t.Error("the import has no time")
	}
	s.want(t, "one", volsnap.CauseUnverified, true)
	if len(s.liar.Snapshots()) != 0 {
		t.Fatal("the driver has the snapshot: nothing is a lie")
	}
}
