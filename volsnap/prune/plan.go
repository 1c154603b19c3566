package prune

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/clustersnap/clustersnap/volsnap"
)

// Choose says which snapshots of one series are kept: one answer for each. They are ready, of one claim, and the newest comes
// first, by Cut. Keep of the root package is such a choice.
type Choose func(series []volsnap.Snapshot) []bool

// Options are what is looked at. Now is needed.
type Options struct {
	Namespaces []string      // empty: all
	Now        time.Time     // leftovers are as old as of then
	Leftover   time.Duration // age from which on what is not ready is a leftover; 0 is a day
	// Safety is the age, by when it was cut, from which on the way back of a restore in place goes; 0 is never.
	Safety time.Duration
}

// Action is what a plan says about an item.
type Action string

// The actions.
const (
	Delete   Action = "delete"
	Keep     Action = "keep"
	Leftover Action = "leftover" // never became ready, deleted only by RunOptions.Leftovers
)

// Reason is why an item is kept.
type Reason string

// The reasons. The first one is the caller's, the others are this package's.
const (
	Chosen      Reason = "chosen"
	LastGood    Reason = "the last good one"
	OfGroup     Reason = "one of its group is kept"
	Imported    Reason = "imported"
	Safety      Reason = "the way back of a restore in place" // see Options.Safety
	InUse       Reason = "a pending claim is restored from it"
	Shared      Reason = "another content has the same handle"
	NotReady    Reason = "not ready yet"
	OnlyOne     Reason = "not ready, and the claim has none that is"
	NotBound    Reason = "snapshot and content do not name each other"
	Deleting    Reason = "being deleted already"
	BrokenGroup Reason = "its group is not whole: what the storage has would stay"
	Foreign     Reason = "not all of its group was pinned by the run"
)

// Plan is what would be deleted and what would be kept, by namespace and claim, the newest first. It can be kept as JSON and
// run later.
type Plan struct {
	Items []Item `json:"items"`
}

// Item is a snapshot, or a group of them, which comes and goes as one.
type Item struct {
	Do     Action `json:"do"`
	Reason Reason `json:"reason,omitempty"` // of Keep
	// Snapshots is one, or the members of a group. One whose VolumeSnapshot is gone has no UID: its namespace and name are what
	// they were.
	Snapshots []volsnap.Snapshot `json:"snapshots"`
	Objects   []Object           `json:"objects"` // all that goes with it, as it was when the plan was made
}

// Object is an object of the cluster at one version of it.
type Object struct {
	Resource  string `json:"resource"` // volumesnapshots, volumesnapshotcontents, volumegroupsnapshots, ...
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	UID       string `json:"uid"`
	Version   string `json:"version"`
}

// String is the item as a line.
func (i Item) String() string {
	var names []string
	for _, s := range i.Snapshots {
		name := s.Namespace + "/" + s.Name
		if s.UID == "" {
			name = "content " + s.Content + ", without its snapshot " + name + ","
		}
		names = append(names, name)
	}
	line := fmt.Sprintf("%s %s", i.Do, strings.Join(names, ", "))
	if len(i.Snapshots) == 1 {
		s := i.Snapshots[0]
		if s.Claim != "" {
			line += " of claim " + s.Claim
		}
		if !s.Cut.IsZero() {
			line += ", cut " + s.Cut.UTC().Format(time.RFC3339)
		}
	}
	if i.Reason != "" {
		line += ": " + string(i.Reason)
	}
	return line
}

// errAnswers is the error of a choice that does not answer for each snapshot.
var errAnswers = errors.New("the choice must answer once for each snapshot")

// Prepare makes a plan and changes nothing. Snapshots without the label of a run are not in it.
func Prepare(ctx context.Context, c *volsnap.Cluster, choose Choose, opts Options) (*Plan, error) {
	if opts.Now.IsZero() {
		return nil, errors.New("plan to prune snapshots: Options.Now is needed")
	}
	if opts.Leftover < 0 || opts.Safety < 0 {
		return nil, errors.New("plan to prune snapshots: Leftover and Safety can't be less than zero")
	}
	if opts.Leftover == 0 {
		opts.Leftover = 24 * time.Hour
	}
	s, err := look(ctx, c.Dynamic(), opts.Namespaces)
	if err != nil {
		return nil, fmt.Errorf("plan to prune snapshots: %w", err)
	}
	kept, err := s.choose(choose)
	if err != nil {
		return nil, fmt.Errorf("plan to prune snapshots: %w", err)
	}
	plan := &Plan{Items: []Item{}}
	for _, u := range s.units {
		item := Item{Snapshots: u.snapshots(), Objects: u.objects()}
		item.Do, item.Reason = s.judge(u, kept, opts)
		plan.Items = append(plan.Items, item)
	}
	slices.SortStableFunc(plan.Items, byPlace)
	return plan, nil
}

// byPlace sorts by namespace and claim, the newest first.
func byPlace(a, b Item) int {
	x, y := a.Snapshots[0], b.Snapshots[0]
	if c := strings.Compare(x.Namespace, y.Namespace); c != 0 {
		return c
	}
	if c := strings.Compare(x.Claim, y.Claim); c != 0 {
		return c
	}
	if c := y.Cut.Compare(x.Cut); c != 0 {
		return c
	}
	return strings.Compare(x.Name, y.Name)
}

// choose asks for each series.
func (s *scene) choose(choose Choose) (map[*member]Reason, error) {
	kept := map[*member]Reason{}
	for _, series := range s.series() {
		snapshots := make([]volsnap.Snapshot, len(series))
		for i, m := range series {
			snapshots[i] = m.view
		}
		answers := choose(snapshots)
		if len(answers) != len(series) {
			return nil, fmt.Errorf("%w: %d answers for %d snapshots of claim %s/%s",
				errAnswers, len(answers), len(series), snapshots[0].Namespace, snapshots[0].Claim)
		}
		for i, keep := range answers {
			if keep {
				kept[series[i]] = Chosen
			}
		}
		if !slices.Contains(answers, true) {
			kept[series[0]] = LastGood
		}
	}
	return kept, nil
}

// judge says what becomes of a unit.
func (s *scene) judge(u *unit, kept map[*member]Reason, opts Options) (Action, Reason) {
	if why := s.obstacle(u); why != "" {
		return Keep, why
	}
	for _, m := range u.members {
		if m.safety() && (opts.Safety == 0 || opts.Now.Sub(m.view.Cut) < opts.Safety) {
			return Keep, Safety
		}
		if why := kept[m]; why != "" {
			if len(u.members) > 1 {
				why = OfGroup
			}
			return Keep, why
		}
	}
	switch {
	case u.ready():
		return Delete, ""
	case opts.Now.Sub(u.made()) < opts.Leftover:
		return Keep, NotReady
	case s.onlyOne(u):
		return Keep, OnlyOne
	}
	return Leftover, ""
}
