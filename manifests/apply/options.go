package apply

import (
	"errors"
	"fmt"
	"slices"

	"github.com/clustersnap/clustersnap/manifests"
)

// Policy is what becomes of an object that the cluster has already, and that is not as it was saved.
type Policy string

const (
	// SkipExisting leaves it as it is.
	SkipExisting Policy = "skip"
	// FailExisting is for who expects none: one such object, and nothing at all is written.
	FailExisting Policy = "fail"
	// UpdateExisting sets the saved fields by server-side apply. What the object has besides stays, and where another manager
	// has set a field to another value, the object is left alone as a conflict that names both.
	UpdateExisting Policy = "update"
	// ForceExisting is UpdateExisting, and takes such fields over.
	ForceExisting Policy = "force"
	// ReplaceExisting makes it what was saved: what it has besides goes, but for what the cluster itself has set, such as
	// the address of a Service, the volume of a claim, owners and status.
	ReplaceExisting Policy = "replace"
)

// Options say how objects are brought back. The zero value creates what users have made and the cluster lacks, and leaves
// all else alone.
type Options struct {
	// Policy is for objects that the cluster has already. Empty is SkipExisting.
	Policy Policy
	// Classes are those that are brought back. Empty is manifests.User alone: what a controller or the control plane makes
	// itself, what belongs to a machine, and what was being deleted or had ended is better left to them.
	Classes []manifests.Class
	// Suspend brings Jobs and CronJobs back with spec.suspend set, or they start to work as soon as they are there. It stops
	// none that the cluster has at work, and starts none that it has suspended.
	Suspend bool
	// Parallel is how many requests are in flight at once. Zero is 8.
	Parallel int
	// Progress is told of each object once its outcome is known. Its calls come one at a time.
	Progress func(Outcome)
}

const defaultParallel = 8

func (o Options) withDefaults() (Options, error) {
	if o.Policy == "" {
		o.Policy = SkipExisting
	}
	all := []Policy{SkipExisting, FailExisting, UpdateExisting, ForceExisting, ReplaceExisting}
	if !slices.Contains(all, o.Policy) {
		return o, fmt.Errorf("read options: there is no policy %q: want one of %q", o.Policy, all)
	}
	if o.Parallel < 0 {
		return o, errors.New("read options: Parallel is negative")
	}
	if o.Parallel == 0 {
		o.Parallel = defaultParallel
	}
	if len(o.Classes) == 0 {
		o.Classes = []manifests.Class{manifests.User}
	}
	if o.Progress == nil {
		o.Progress = func(Outcome) {}
	}
	return o, nil
}
