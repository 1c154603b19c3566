package quiesce

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/clustersnap/clustersnap/volsnap"
)

// Hook is what [volsnap.TakeOptions].Quiesce is. It brings a pod to rest and returns what ends that.
//
// After an error nothing is at rest any more, or the error says what may be: whatever a hook of this package had begun, it has
// ended itself. thaw is nil if the pod has nothing to do. Thaw takes no notice of the end of its context, because a pod must
// not stay frozen for that, and has a limit of its own; what it is called again for, is what it returned first.
type Hook = func(ctx context.Context, namespace, pod string) (thaw func(context.Context) error, err error)

// All makes one hook of several, say a database's lock and then its file system: they come to rest in this order, and are
// thawed in the reverse one. All are thawed, whatever the others say, and also if one panics.
func All(hooks ...Hook) Hook {
	return func(ctx context.Context, namespace, pod string) (func(context.Context) error, error) {
		var thaws []func(context.Context) error
		done := false
		defer func() {
			if !done { // a panic goes on, but not before the pod does
				_ = thawAll(ctx, thaws)
			}
		}()
		for _, hook := range hooks {
			thaw, err := hook(ctx, namespace, pod)
			if err != nil {
				done = true
				return nil, errors.Join(err, thawAll(ctx, thaws))
			}
			if thaw != nil {
				thaws = append(thaws, thaw)
			}
		}
		done = true
		if len(thaws) == 0 {
			return nil, nil
		}
		return once(func(ctx context.Context) error { return thawAll(ctx, thaws) }), nil
	}
}

// Func makes a hook of two functions. Once quiesce has begun, thaw is called in any case: also if quiesce failed, because a
// command that did not answer in time may have done its work. limit is the longest time for thaw; quiesce has that of the
// context it is given. A pod that quiesce has nothing to do for is thawed all the same.
//
// Nothing but this process ends what quiesce has begun. If it dies, a database stays locked: let the database have a timeout
// of its own for that.
func Func(c *volsnap.Cluster, limit time.Duration, quiesce, thaw func(context.Context, *Pod) error) Hook {
	return func(ctx context.Context, namespace, name string) (func(context.Context) error, error) {
		if limit <= 0 {
			return nil, fmt.Errorf("quiesce pod %s/%s: a limit of %v leaves no time to thaw it", namespace, name, limit)
		}
		pod, err := ReadPod(ctx, c, namespace, name)
		if err != nil {
			return nil, err
		}
		return begin(ctx, limit,
			func(ctx context.Context) error { return quiesce(ctx, pod) },
			func(ctx context.Context) error { return thaw(ctx, pod) })
	}
}

// begin calls quiesce, and thaw as well if that fails or panics.
func begin(ctx context.Context, limit time.Duration, quiesce, thaw func(context.Context) error) (
	thawOnce func(context.Context) error, err error,
) {
	thawOnce = once(func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		defer cancel()
		return thaw(ctx)
	})
	done := false
	defer func() {
		if !done { // a panic of the caller's function goes on, but not before the pod does
			_ = thawOnce(ctx)
		}
	}()
	err = quiesce(ctx)
	done = true
	if err != nil {
		return nil, errors.Join(err, thawOnce(ctx))
	}
	return thawOnce, nil
}

// thawAll calls all, the last one first. They are deferred, so that a panic of one goes on after the others.
func thawAll(ctx context.Context, thaws []func(context.Context) error) (err error) {
	for _, thaw := range thaws {
		defer func() { err = errors.Join(err, thaw(ctx)) }()
	}
	return nil
}

// errPanicked is what a thaw returns that has panicked when it was called first.
var errPanicked = errors.New("the thaw has panicked, so what it was to end may go on")

// once makes a thaw that does its work the first time.
func once(thaw func(context.Context) error) func(context.Context) error {
	var first sync.Once
	err := errPanicked
	return func(ctx context.Context) error {
		first.Do(func() { err = thaw(ctx) })
		return err
	}
}
