package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clustersnap/clustersnap/manifests"
)

// attempt is what is known of the last try of a step.
type attempt struct {
	err     error
	lost    bool // a write had no clear answer, so nobody knows whether it was done
	written bool // only the wait for it to take effect is left
}

// errMoved is for what somebody has changed since the plan.
var errMoved = errors.New("it is not as it was when the plan was made: plan again")

// write does what a step says.
func (r *runner) write(ctx context.Context, it *item, a *attempt) error {
	if !a.written {
		err := r.writeOnce(ctx, it, a)
		if err != nil {
			a.lost = a.lost || !answered(err) || apierrors.IsTimeout(err) || apierrors.IsInternalError(err)
			return err
		}
		a.written = true
	}
	if kindOf(it.Key) == ofDefinitions {
		return r.plan.cluster.served(ctx, it)
	}
	return nil
}

func (r *runner) writeOnce(ctx context.Context, it *item, a *attempt) error {
	c := r.plan.cluster
	if it.Do != Create {
		return c.change(ctx, it, r.plan.opts.Policy, a.lost)
	}
	err := c.create(ctx, it, actual)
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	live, err := c.get(ctx, it)
	switch {
	case err != nil:
		return err
	case a.lost && byUs(live): // the answer was lost, not the object
		return nil
	case r.givenWith(it):
		_, err := c.apply(ctx, it, live, actual, takeAll)
		return err
	}
	return fmt.Errorf("somebody has made it: %w", errMoved)
}

// givenWith reports whether an object came with its namespace, which the plan has made: that is the account that the control
// plane makes in each (pkg/controller/serviceaccount in kubernetes/kubernetes). What users had added to it is set in it.
func (r *runner) givenWith(it *item) bool {
	own := manifests.Key{Resource: ofNamespaces.resource, Name: it.Key.Namespace}
	return isDefault(it.Key) && slices.Contains(it.After, own)
}

// byUs reports whether this package has written the object.
func byUs(live *unstructured.Unstructured) bool {
	for _, m := range live.GetManagedFields() {
		if m.Manager == manager {
			return true
		}
	}
	return false
}

// change updates or replaces an object that is as it was when the plan was made. Where a controller writes at the same time
// it looks again.
func (c *Cluster) change(ctx context.Context, it *item, policy Policy, lost bool) error {
	for again := 1; ; again++ {
		live, err := c.get(ctx, it)
		if apierrors.IsNotFound(err) {
			return fmt.Errorf("somebody has deleted it: %w", errMoved)
		} else if err != nil {
			return err
		}
		same, err := it.still(live)
		switch {
		case err != nil:
			return err
		case !same && lost && byUs(live): // perhaps it is this package that has changed it
			return c.changed(ctx, it, live, policy)
		case !same:
			return errMoved
		}
		if _, err = c.changeOnce(ctx, it, live, policy, actual); !moved(err) || again == maxMoves {
			return err
		}
	}
}

func (c *Cluster) changeOnce(
	ctx context.Context, it *item, live *unstructured.Unstructured, policy Policy, t try,
) (*unstructured.Unstructured, error) {
	switch {
	case it.Do == Replace:
		return c.replace(ctx, it, live, t)
	case policy == ForceExisting:
		return c.apply(ctx, it, live, t, takeAll)
	}
	return c.apply(ctx, it, live, t, takeOwn)
}

// changed reports by errMoved whether there is still something to change in live.
func (c *Cluster) changed(ctx context.Context, it *item, live *unstructured.Unstructured, policy Policy) error {
	made, err := c.changeOnce(ctx, it, live, policy, dry)
	if err != nil {
		return err
	}
	if left, err := it.differ(live, made); err != nil || len(left) == 0 {
		return err
	}
	return errMoved
}

const (
	// servedLimit is how long a definition may take to be served, which is a moment where its names are free.
	servedLimit = time.Minute
	servedPoll  = 100 * time.Millisecond
)

// served waits until the API server has taken a definition in, and discovery shows its kinds.
func (c *Cluster) served(ctx context.Context, definition *item) error {
	limited, cancel := context.WithTimeout(ctx, servedLimit)
	defer cancel()
	for {
		err := c.serves(limited, definition)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, errNotYet):
			return err
		case pause(limited, servedPoll) != nil:
			return fmt.Errorf("wait until its kind is served: %w", err)
		}
	}
}

// errNotYet is for what comes by itself.
var errNotYet = errors.New("it is not served yet")

func (c *Cluster) serves(ctx context.Context, definition *item) error {
	live, err := c.get(ctx, definition)
	if err != nil {
		return err
	}
	for _, condition := range items(live.Object, "status", "conditions") {
		if text(condition, "type") == "NamesAccepted" && text(condition, "status") == "False" {
			return fmt.Errorf("its names are taken: %s", text(condition, "message"))
		}
	}
	if !established(live) {
		return errNotYet
	}
	group, kind := text(live.Object, "spec", "group"), text(live.Object, "spec", "names", "kind")
	for _, v := range items(live.Object, "spec", "versions") {
		if v["served"] != true {
			continue
		}
		if _, err := c.kinds.Lookup(ctx, group+"/"+text(v, "name"), kind); meta.IsNoMatchError(err) {
			return errNotYet
		} else if err != nil {
			return err
		}
	}
	return nil
}

func established(definition *unstructured.Unstructured) bool {
	return slices.ContainsFunc(items(definition.Object, "status", "conditions"), func(condition map[string]any) bool {
		return text(condition, "type") == "Established" && text(condition, "status") == "True"
	})
}
