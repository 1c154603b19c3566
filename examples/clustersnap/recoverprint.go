package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/clustersnap/clustersnap/manifests/apply"
)

// carryOut prints a plan, and with --yes does what it says. What could not be read is not in the plan, and makes it no good.
func (r *recovery) carryOut(ctx context.Context, out steps, plan *apply.Plan, unread error) error {
	err := r.plan(out, plan)
	done := 0
	if r.yes {
		done, err = r.write(ctx, out, plan)
	}
	if err = errors.Join(err, unread); err != nil {
		return err
	}
	if r.yes {
		out.line("good", fmt.Sprintf("%d written, %d left as they are", done, len(plan.Steps)-done))
	} else {
		out.line("good", "nothing was written: add --yes")
	}
	return nil
}

// plan prints each step but those of what is as it was saved, or not to come back.
func (r *recovery) plan(out steps, plan *apply.Plan) error {
	counts := map[apply.Action]int{}
	for _, step := range plan.Steps {
		counts[step.Do]++
		if step.Do == apply.Unchanged || step.Do == apply.Skip && len(step.Changes) == 0 {
			continue
		}
		action, rest, _ := strings.Cut(step.String(), " ")
		out.line(action, rest)
	}
	out.line("plan", summary(counts))
	if blocked := len(plan.Blocked()); blocked > 0 {
		return fmt.Errorf("%s can't be brought back as things are: see what is said of each", count(blocked, "object"))
	}
	return nil
}

// write does what a plan says, counts what was written, and prints what could not be done.
func (r *recovery) write(ctx context.Context, out steps, plan *apply.Plan) (done int, err error) {
	result, err := plan.Run(ctx)
	if err != nil && result == nil || errors.Is(err, apply.ErrConflicts) {
		return 0, err
	}
	for _, o := range result.Outcomes {
		if o.State == apply.Done {
			done++
		}
	}
	out.line("done", count(done, "object")+" written")
	failed := result.Failed()
	for _, o := range failed {
		out.line(string(o.State), fmt.Sprintf("%s: %s", o.Key, o.Err))
	}
	if err == nil && len(failed) > 0 {
		err = fmt.Errorf("%s not brought back: see what is said of each", count(len(failed), "object"))
	}
	return done, err
}

// summary says how many steps there are of each action.
func summary(counts map[apply.Action]int) string {
	var parts []string
	for _, action := range []apply.Action{
		apply.Create, apply.Update, apply.Replace, apply.Unchanged, apply.Skip, apply.Conflict, apply.Blocked,
	} {
		if n := counts[action]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, action))
		}
	}
	if len(parts) == 0 {
		return "nothing to bring back"
	}
	return strings.Join(parts, ", ")
}
