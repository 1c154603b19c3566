package volsnap

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// planOf is a plan of claims of one driver and one namespace.
func planOf(claims ...string) *Plan {
	plan := &Plan{}
	for _, claim := range claims {
		plan.Volumes = append(plan.Volumes, Volume{
			Namespace: "shop", Claim: claim, Driver: "disk.example", Handle: "volume", Class: "class",
		})
	}
	return plan
}

// The time of a run is over while the answer to its create is on the way, and no watch has told of anything: what is there by
// then is found, taken for the cut that it is, and pinned.
func TestTakeThatIsOverFindsWhatItMade(t *testing.T) {
	ctx, over := context.WithTimeout(t.Context(), time.Minute)
	defer over()
	pinned := ""
	s := &server{
		silent:  true,
		created: func(s *server, name string) { s.cut(name, "disk.example", true) },
		patched: func(path string, patch []byte) { pinned = path + " " + string(patch) },
		answer: func(r *http.Request) {
			over()
			<-r.Context().Done()
		},
	}
	account, err := s.cluster(t).Take(ctx, planOf("data"), TakeOptions{Run: "run"})
	if err != nil {
		t.Fatal(err)
	}
	r := account.Volumes[0]
	if r.Outcome != Snapshotted || len(r.Lacking) > 0 || !r.Snapshot.Pinned || !r.Snapshot.Ready {
		t.Errorf("the result is %+v, the snapshot %+v", r, r.Snapshot)
	}
	if !strings.HasPrefix(pinned, "volumesnapshotcontents/snapcontent-uid-of-data-") || !strings.Contains(pinned, "Retain") {
		t.Errorf("patched was %q", pinned)
	}
}

// A snapshot that has failed goes at once: its claim can't be deleted while it is there, and the upload of another one, of a pod
// that mounts both, may take hours. Here it takes until the failed one is gone.
func TestTakeRemovesWhatFailedBeforeAnUploadEnds(t *testing.T) {
	ctx, over := context.WithTimeout(t.Context(), time.Minute)
	defer over()
	good := ""
	s := &server{
		pods: []any{map[string]any{
			"metadata": map[string]any{"namespace": "shop", "name": "db"},
			"spec": map[string]any{"volumes": []any{
				map[string]any{"name": "a", "persistentVolumeClaim": map[string]any{"claimName": "bad"}},
				map[string]any{"name": "b", "persistentVolumeClaim": map[string]any{"claimName": "good"}},
			}},
		}},
		created: func(s *server, name string) {
			if strings.HasPrefix(name, "bad-") {
				s.cut(name, "other.example", false)
				return
			}
			good = name
			s.cut(name, "disk.example", false)
		},
		deleted: func(s *server, path string) {
			if strings.Contains(path, "/bad-") {
				s.cut(good, "disk.example", true)
			}
		},
	}
	account, err := s.cluster(t).Take(ctx, planOf("bad", "good"), TakeOptions{
		Run: "run", Ready: true,
		Quiesce: func(context.Context, string, string) (func(context.Context) error, error) { return nil, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := account.Volumes[0]; r.Outcome != Failed || r.Cause != CauseOtherDriver || r.Snapshot != nil {
		t.Errorf("the one that failed is %+v, with the snapshot %+v", r, r.Snapshot)
	}
	if r := account.Volumes[1]; r.Outcome != Snapshotted || !r.Snapshot.Ready || len(r.Lacking) > 0 {
		t.Errorf("the other one is %+v, the snapshot %+v", r, r.Snapshot)
	}
}
