package restore

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Report says what was done.
type Report struct {
	ID string `json:"id"`
	// Source is that of the plan.
	Source string `json:"source,omitempty"`
	// State is "committed", "undone", or that of a restore that has not ended: "began" or "undoing".
	State string `json:"state"`
	// Why is the cause of undoing.
	Why string `json:"why,omitempty"`
	// Before is etcd's last revision before the restore, as the node's own etcd told it; 0 if that did not answer.
	Before int64        `json:"before,omitempty"`
	Steps  []StepReport `json:"steps"`
	// Staged is what was restored, nil if it did not come to that.
	Staged *Staged `json:"staged,omitempty"`
	// Files are those of the node that were replaced or made, by their paths on the node.
	Files []string `json:"files,omitempty"`
	Notes []string `json:"notes,omitempty"`
}

// StepReport is how long a step took that was done, with the waits for what was stopped and started. One that was
// interrupted counts the time until it went on.
type StepReport struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// report is what the journal says.
func (r *record) report() *Report {
	report := &Report{
		ID: r.plan.ID, Source: r.plan.Source, State: began, Before: r.was.Revision, Staged: r.staged(),
		Notes: slices.Clone(r.was.Notes),
	}
	for _, c := range r.files() {
		report.Files = append(report.Files, "/"+c.Path)
	}
	begins := map[string]time.Time{}
	for _, l := range r.lines {
		report.Notes = append(report.Notes, l.Notes...)
		report.Before = max(report.Before, l.Last)
		switch {
		case l.Step == "":
			report.State = l.State
			if l.Why != "" {
				report.Why = l.Why
			}
		case l.State == began:
			begins[l.Step] = l.Time
		case l.State == done:
			report.Steps = append(report.Steps, StepReport{l.Step, l.Time.Sub(begins[l.Step]).Seconds()})
		}
	}
	return report
}

// String is the report for people, in lines.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "restore %s: %s\n", r.ID, r.State)
	if r.Why != "" {
		fmt.Fprintf(&b, "because of %s\n", r.Why)
	}
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "%s took %.1f s\n", s.Name, s.Seconds)
	}
	for _, text := range r.Notes {
		fmt.Fprintf(&b, "note: %s\n", text)
	}
	return b.String()
}
