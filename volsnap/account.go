package volsnap

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Account is what became of each volume of a plan.
type Account struct {
	Run     string    `json:"run"`               // the run's id, a label of everything that it made
	Cluster string    `json:"cluster,omitempty"` // uid of the namespace kube-system
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	Volumes []Result  `json:"volumes"` // one for each volume of the plan, in its order
	// Spread is the time between the first cut and the last one, as their drivers say: how far from one instant the set is.
	// Members of one group are one instant for the storage, though a driver may write down other times for them.
	Spread time.Duration `json:"spread"`
	// Notes are sentences about what the run had to do without, and what that costs: rights, groups.
	Notes []string `json:"notes,omitempty"`
}

// Result is what became of one volume.
type Result struct {
	Volume
	Outcome Outcome `json:"outcome"`
	// Cause and Error are of Failed: the state that the snapshot was in when the run gave it up, and a sentence.
	Cause Cause  `json:"cause,omitempty"`
	Error string `json:"error,omitempty"`
	// Lacking are sentences about what is not as it was asked for, though the data are cut: not pinned, not ready, not thawed.
	Lacking  []string  `json:"lacking,omitempty"`
	Snapshot *Snapshot `json:"snapshot,omitempty"` // of Snapshotted; of Failed if something was left over
	Frozen   []Frozen  `json:"frozen,omitempty"`   // the pods that were quiesced for its cut
}

// Outcome is what became of a volume.
type Outcome string

// The outcomes. Whatever is none of them was not explained, and is no success.
const (
	Snapshotted      Outcome = "snapshotted"
	Failed           Outcome = "failed"
	NotSnapshottable Outcome = "not snapshottable"
)

// Snapshot is a VolumeSnapshot with its content.
type Snapshot struct {
	Namespace   string    `json:"namespace"`
	Name        string    `json:"name"`
	UID         string    `json:"uid,omitempty"`
	Run         string    `json:"run,omitempty"`   // empty: not made by this library
	Claim       string    `json:"claim,omitempty"` // empty if it is not known, as of one that was imported elsewhere
	Content     string    `json:"content,omitempty"`
	Driver      string    `json:"driver,omitempty"`
	Class       string    `json:"class,omitempty"`
	Handle      string    `json:"handle,omitempty"` // the driver's name of the snapshot; with Cut, the data are frozen
	Volume      string    `json:"volume,omitempty"` // the driver's name of the volume
	Cut         time.Time `json:"cut,omitzero"`     // by the storage's or the sidecar's clock
	Ready       bool      `json:"ready"`            // it may be restored from
	RestoreSize int64     `json:"restoreSize,omitempty"`
	Mode        string    `json:"mode,omitempty"`
	Pinned      bool      `json:"pinned"` // policy Retain: deleting the namespace keeps the data
	Imported    bool      `json:"imported,omitempty"`
	Unverified  bool      `json:"unverified,omitempty"`  // imported and ready, but the driver was not seen to have it: drill it
	Group       string    `json:"group,omitempty"`       // name of its VolumeGroupSnapshot
	GroupHandle string    `json:"groupHandle,omitempty"` // the driver's name of the group
	Deleting    bool      `json:"deleting,omitempty"`
	Error       string    `json:"error,omitempty"` // what the controllers last said
}

// Frozen is how long a pod may have been at rest: from the call of the hook until the thaw has ended, or until the hook has
// failed, which thaws what it had frozen.
type Frozen struct {
	Pod string        `json:"pod"`
	For time.Duration `json:"for"`
}

// Complete is nil if each volume is [Snapshotted] as it was asked for. accepted are reasons of volumes that are known to have
// no snapshot and are let pass, such as [ReasonEphemeral] and [ReasonHostPath]; without any, a volume of a pod that has no
// claim makes the account incomplete, so that nobody forgets one without having said so. The error names each other volume, by
// line.
func (a *Account) Complete(accepted ...Reason) error {
	var failed []error
	for _, r := range a.Volumes {
		var why string
		switch {
		case r.Outcome == Snapshotted && r.Snapshot != nil && len(r.Lacking) == 0,
			r.Outcome == NotSnapshottable && slices.Contains(accepted, r.Reason):
			continue
		case r.Outcome == Snapshotted && r.Snapshot == nil:
			why = "snapshotted, but what it is was not told"
		case r.Outcome == Snapshotted:
			why = strings.Join(r.Lacking, "; ")
		case r.Outcome == Failed:
			why = fmt.Sprintf("%s: %s", r.Cause, r.Error)
		case r.Outcome == NotSnapshottable:
			why = fmt.Sprintf("%s: %s", r.Reason, r.Detail)
		default:
			why = "nothing explains what became of it"
		}
		failed = append(failed, fmt.Errorf("volume %s: %s", r.name(), why))
	}
	return errors.Join(failed...)
}

// name is how a volume is called in a sentence.
func (v *Volume) name() string {
	if v.Claim != "" {
		return v.Namespace + "/" + v.Claim
	}
	return v.Namespace + "/" + v.PodVolume
}

// spread is the time between the first cut and the last one.
func (a *Account) spread() time.Duration {
	var first, last time.Time
	for _, r := range a.Volumes {
		if r.Outcome != Snapshotted || r.Snapshot == nil || r.Snapshot.Cut.IsZero() {
			continue
		}
		if cut := r.Snapshot.Cut; first.IsZero() || cut.Before(first) {
			first = cut
		}
		if cut := r.Snapshot.Cut; cut.After(last) {
			last = cut
		}
	}
	return last.Sub(first)
}
