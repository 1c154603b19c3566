package apply

import (
	"fmt"
	"strings"

	"github.com/clustersnap/clustersnap/manifests"
)

// Action is what is to be done with one object.
type Action string

const (
	Create    Action = "create"
	Update    Action = "update"    // by server-side apply
	Replace   Action = "replace"   // as a whole
	Unchanged Action = "unchanged" // the cluster has it as it was saved, as far as the policy looks
	Skip      Action = "skip"      // it is not to be brought back, or the cluster has another and keeps it
	Conflict  Action = "conflict"  // the cluster has another, and the policy does not allow to touch it
	Blocked   Action = "blocked"   // it can't be brought back as things are
)

// Step is the plan for one object.
type Step struct {
	manifests.Key
	Version string `json:"version"` // that it is written at, such as "v1"
	Kind    string `json:"kind"`
	Do      Action `json:"do"`
	// After is what the plan brings back before it, and without which the server can't be asked about it: its namespace, the
	// definition of its kind. So the plan does not know whether the server will take it.
	After []manifests.Key `json:"after,omitempty"`
	// Changes are the paths of the fields that differ in the cluster, such as "spec.ports[0].port". Their values are not shown.
	Changes []string `json:"changes,omitempty"`
	// Why is one sentence: for what is not done, why, and what would help.
	Why string `json:"why,omitempty"`
}

// shown is how many changes a line has.
const shown = 8

// String is one line, such as "update deployments.apps/web -n shop: spec.replicas".
func (s Step) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", s.Do, s.Key)
	if n := len(s.Changes); n > shown {
		fmt.Fprintf(&b, ": %s and %d more", strings.Join(s.Changes[:shown], ", "), n-shown)
	} else if n > 0 {
		b.WriteString(": " + strings.Join(s.Changes, ", "))
	}
	if s.Why != "" {
		b.WriteString(": " + s.Why)
	}
	if len(s.After) > 0 {
		b.WriteString(" (not tried: it comes after " + keys(s.After) + ")")
	}
	return b.String()
}

func keys(list []manifests.Key) string {
	texts := make([]string, len(list))
	for i, k := range list {
		texts[i] = k.String()
	}
	return strings.Join(texts, " and ")
}

// writes reports whether the step writes to the cluster.
func (s Step) writes() bool { return s.Do == Create || s.Do == Update || s.Do == Replace }

// State is what became of one object.
type State string

const (
	Done      State = "done"        // what was planned
	Left      State = "left"        // nothing was to be done
	Failed    State = "failed"      // or it was blocked or in conflict before
	Moved     State = "moved"       // somebody has changed it since the plan, so it was left alone: plan again
	Unreached State = "not reached" // the run ended before it
)

// Outcome is what became of one object.
type Outcome struct {
	Step
	State State `json:"state"`
	// Err is one sentence for what is Failed, Moved or Unreached. A value of a Secret that has four letters or
	// more is not in it as it stands, whoever repeats it; what somebody else makes of one may be.
	Err string `json:"error,omitempty"`
}

// String is one line, such as "create deployments.apps/web -n shop: done".
func (o Outcome) String() string {
	if o.State == Left {
		return o.Step.String()
	}
	line := fmt.Sprintf("%s %s: %s", o.Do, o.Key, o.State)
	if o.Err != "" {
		line += ": " + o.Err
	}
	return line
}

// Result is what a run did. Each object of its plan has an outcome, in the order of the plan.
type Result struct {
	Outcomes []Outcome `json:"outcomes"`
}

// Complete reports whether all is as it was planned.
func (r *Result) Complete() bool { return len(r.Failed()) == 0 }

// Failed are the outcomes of what should be as it was saved, and is not.
func (r *Result) Failed() []Outcome {
	var failed []Outcome
	for _, o := range r.Outcomes {
		if o.State != Done && o.State != Left {
			failed = append(failed, o)
		}
	}
	return failed
}
