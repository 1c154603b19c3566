package volsnap

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
)

// defaultCutLimit is the limit of sidecars for a call of their driver.
const defaultCutLimit = time.Minute

// TakeOptions say how snapshots are taken. The zero value of each but Run is safe.
type TakeOptions struct {
	// Run is the id of the run: the value of a label, so at most 63 letters, digits, '-', '_' and '.'. A second call with the
	// same one goes on with what is there, and makes nothing twice; two at once share the work, but each quiesces.
	Run string
	// InFlight is how many units are cut at once for a driver; 0 is 1, which freezes shortest. A unit is a claim, a group, or the
	// claims of pods that share some, if there is a Quiesce: these are frozen once and cut together. More than 10 never helps: a
	// sidecar has so many workers.
	InFlight int
	// CutLimit is how long a unit may take to be cut; 0 is a minute. After it the next one has its turn. If pods are quiesced,
	// they are thawed, and the snapshots are deleted: they would be of pods that write. Otherwise they are waited for as long as
	// the context lasts.
	CutLimit time.Duration
	// Unpinned leaves the policy as the class has it. Otherwise it is Retain once the data are cut, so that deleting the
	// namespace, or the snapshot, keeps them. With Quiesce, a second call can't tell then whether what it finds was cut at rest.
	Unpinned bool
	// Ready also waits until all may be restored from, which for a cloud is after an upload. Otherwise the cut is enough.
	Ready bool
	// Group names the group that a volume is of, "" for none. Volumes of one name are cut at one instant, if the cluster serves
	// group snapshots and the driver has a class for them; what can't be grouped is told in the notes of the account, and cut
	// one by one.
	Group func(Volume) string
	// Quiesce brings a pod to rest before its volumes are cut, and returns what ends that, see package quiesce. It is called for
	// one pod at a time of those that share volumes.
	Quiesce func(ctx context.Context, namespace, pod string) (thaw func(context.Context) error, err error)
	// Own is a storage's own way for a volume that the cluster can't snapshot, which has a Reason. If both results are nil, it has
	// none. It is called for one volume at a time, beside the others, and Quiesce is not for it: if there is one and pods mount
	// the volume, that is Lacking.
	Own func(ctx context.Context, v Volume) (*Snapshot, error)
	// Each is told each result when it is final, one at a time.
	Each func(Result)
}

// check fills in what is not given.
func (o TakeOptions) check() (TakeOptions, error) {
	if err := checkRun(o.Run); err != nil {
		return o, err
	}
	if o.InFlight < 0 || o.CutLimit < 0 {
		return o, errors.New("InFlight and CutLimit can't be less than zero")
	}
	if o.InFlight == 0 {
		o.InFlight = 1
	}
	if o.CutLimit == 0 {
		o.CutLimit = defaultCutLimit
	}
	return o, nil
}

func checkRun(run string) error {
	if run == "" {
		return errors.New("a run needs an id, such as the time it is for: it is how a second call finds what the first one made")
	}
	if wrong := validation.IsValidLabelValue(run); len(wrong) > 0 {
		return fmt.Errorf("id %.80q of a run can't be a label: %s", run, strings.Join(wrong, "; "))
	}
	return nil
}

// maxName is how long a name of Kubernetes is at most, of most kinds.
const maxName = 253

// nameOf is the name of what a run makes for something: always the same one, so that a second call finds it. It begins with a
// name for people.
func nameOf(begins, run string, of ...string) string {
	sum := sha256.Sum256([]byte(run + "\x00" + strings.Join(of, "\x00")))
	end := "-" + hex.EncodeToString(sum[:8])
	return strings.TrimRight(begins[:min(len(begins), maxName-len(end))], "-.") + end
}
