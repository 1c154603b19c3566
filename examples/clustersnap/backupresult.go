package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/clustersnap/clustersnap"
)

const resultMember = "result.json" // result: the last member

const (
	resultVersion = 1

	verdictGood     = "good"
	verdictDegraded = "degraded"
	verdictFailed   = "failed" // there is no set
)

// result says what a backup is worth, for who has it and for a pager.
type result struct {
	Version int       `json:"version"` // of this format: 1
	Created time.Time `json:"created"`
	Cluster string    `json:"cluster,omitempty"`
	Node    string    `json:"node,omitempty"`
	// Verdict is "good", or "degraded" for a set that can be restored and lacks something that it should have: Reasons.
	Verdict string   `json:"verdict"`
	Reasons []string `json:"reasons,omitempty"`
	// API is where the API server is, and Credentials which ones were used; empty if it was not to be asked.
	API         string `json:"api,omitempty"`
	Credentials string `json:"credentials,omitempty"`
	// ResourceVersion is the instant of the objects, and Revision that of the snapshot of etcd.
	ResourceVersion string `json:"resourceVersion,omitempty"`
	Revision        int64  `json:"revision"`
	Objects         int    `json:"objects"`
	// Volumes counts them by what became of them: snapshotted, failed, not snapshottable, or left, if nobody asked.
	Volumes map[string]int `json:"volumes,omitempty"`
	// NotSaved is what of the cluster is not in the set.
	NotSaved []unsaved     `json:"notSaved,omitempty"`
	Steps    []stepSeconds `json:"steps"`

	where string // the set is
	size  int64
}

// unsaved is something that a set does not have.
type unsaved struct {
	What      string `json:"what"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	Why       string `json:"why"`
}

type stepSeconds struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

func (r *result) timed(name string, took time.Duration) {
	r.Steps = append(r.Steps, stepSeconds{name, took.Seconds()})
}

// lacks makes the verdict degraded.
func (b *backing) lacks(why string) {
	b.result.Verdict, b.result.Reasons = verdictDegraded, append(b.result.Reasons, oneLine(why))
}

// fails makes the verdict failed, if there is no set.
func (r *result) fails(err error) {
	if err != nil && r.where == "" {
		r.Verdict, r.Reasons = verdictFailed, append(r.Reasons, oneLine(err.Error()))
	}
}

// step runs one, and takes its time.
func (b *backing) step(name string, do func(progress) (string, error)) error {
	start := time.Now()
	err := b.out.do(name, do)
	b.result.timed(name, time.Since(start))
	return err
}

// left counts what is not in the set: which, stands in its result.json.
func (r *result) left() string {
	counts, order := map[string]int{}, []string{}
	for _, u := range r.NotSaved {
		if counts[u.What]++; counts[u.What] == 1 {
			order = append(order, u.What)
		}
	}
	for i, what := range order {
		order[i] = fmt.Sprintf("%d of %s", counts[what], what)
	}
	return strings.Join(order, ", ")
}

// say says what is not in the set, and why that is less than there should be.
func (r *result) say(out steps) {
	for _, why := range r.Reasons {
		out.line("lacking", why)
	}
	if left := r.left(); left != "" {
		out.line("unsaved", left+": each stands in "+resultMember+" of the set")
	}
}

// state says in a word whether a set has all that was to be in it. What verify finds is another matter.
func (r *result) state() string {
	if r.Verdict == verdictGood {
		return "whole"
	}
	return r.Verdict
}

// verdict is nil for a good one.
func (r *result) verdict() error {
	if r.Verdict == verdictGood {
		return nil
	}
	return fmt.Errorf("degraded: %s: the set is at %s, and can be restored", strings.Join(r.Reasons, "; "), r.where)
}

// readResult gives what the maker of a set has said of it, nil if it said nothing.
func readResult(set *clustersnap.Set) (*result, error) {
	text, err := fs.ReadFile(set, resultMember)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var r result
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("read %s: %w", resultMember, err)
	}
	if r.Version > resultVersion {
		return nil, fmt.Errorf("%s has a newer format, %d: use a newer clustersnap", resultMember, r.Version)
	}
	return &r, nil
}
