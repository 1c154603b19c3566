package apply

import (
	"context"
	"errors"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/clustersnap/clustersnap/manifests"
)

// TestWhatAnEndedRunKnows is about steps that were tried, and not done, when the run ended.
func TestWhatAnEndedRunKnows(t *testing.T) {
	gone := errors.New("connection refused")
	tried := []struct {
		attempt attempt
		state   State
		why     string
	}{
		{attempt{}, Unreached, "the run ended before it"},
		{attempt{err: apierrors.NewBadRequest("no webhook answers")}, Failed, "it was not tried again: no webhook answers"},
		{attempt{err: gone, lost: true}, Failed, "it may have been written: connection refused"},
		{attempt{err: context.Canceled, written: true}, Failed, "it is written, but perhaps not served yet"},
	}
	plan := &Plan{opts: Options{Parallel: 1, Progress: func(Outcome) {}}}
	r := &runner{plan: plan, done: map[manifests.Key]bool{}}
	var waiting []int
	for i, one := range tried {
		it := &item{Step: Step{Key: manifests.Key{Resource: "configmaps", Name: string(rune('a' + i))}, Do: Create}}
		plan.items, plan.Steps = append(plan.items, it), append(plan.Steps, it.Step)
		r.attempts = append(r.attempts, one.attempt)
		r.outcomes = append(r.outcomes, Outcome{Step: it.Step, State: Unreached, Err: "the run ended before it"})
		waiting = append(waiting, i)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.rounds(ctx, waiting); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	for i, one := range tried {
		if got := r.outcomes[i]; got.State != one.state || !strings.Contains(got.Err, one.why) {
			t.Errorf("%v: %s", one.attempt, got)
		}
	}
}
