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
	say := r.as.beside(out)
	sayPlan(say, plan)
	if !r.yes {
		err := errors.Join(r.show(out, plan), blocked(plan), unread)
		if err == nil {
			say.line("good", "nothing was written: add --yes")
		}
		return err
	}
	done := 0
	result, err := plan.Run(ctx)
	if !errors.Is(err, apply.ErrConflicts) {
		done = sayDone(say, result)
	}
	if failed := len(result.Failed()); err == nil && failed > 0 {
		err = fmt.Errorf("%s not brought back: see what is said of each", count(failed, "object"))
	}
	if err = errors.Join(r.show(out, result), err, unread); err == nil {
		say.line("good", fmt.Sprintf("%d written, %d left as they are", done, len(plan.Steps)-done))
	}
	return err
}

// show prints a plan or what became of it, if a program reads that.
func (r *recovery) show(out steps, v any) error {
	if !r.as.machine() {
		return nil
	}
	return r.as.value(out.out, v)
}

// sayPlan prints each step but those of what is as it was saved, or not to come back.
func sayPlan(out steps, plan *apply.Plan) {
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
}

func blocked(plan *apply.Plan) error {
	if n := len(plan.Blocked()); n > 0 {
		return fmt.Errorf("%s can't be brought back as things are: see what is said of each", count(n, "object"))
	}
	return nil
}

// sayDone counts what was written, and prints what could not be done.
func sayDone(out steps, result *apply.Result) (done int) {
	for _, o := range result.Outcomes {
		if o.State == apply.Done {
			done++
		}
	}
	out.line("done", count(done, "object")+" written")
	for _, o := range result.Failed() {
		out.line(string(o.State), fmt.Sprintf("%s: %s", o.Key, o.Err))
	}
	return done
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
