package quiesce

import (
	"context"
	"errors"
	"fmt"

	"github.com/clustersnap/clustersnap/volsnap"
)

// Velero makes a hook of what each pod asks for in Velero's annotations, see [Annotations]. A pod that asks for nothing, or
// that has ended, has nothing to do.
//
// A hook for a container that the pod has not is [ErrNoContainer], before anything is run.
//
// The post hook runs once the pre hook was started, also if that failed: one that did not answer in time may have frozen
// something. It is tried again while its timeout lasts if the pod could not be reached, but not if it ran and failed.
//
// tolerated is told of failures that the annotation on-error: Continue lets pass; the pod then counts as quiesced. If it is
// nil, nobody would hear of them, so that they count as failures.
//
// If this process dies between the two hooks, nothing thaws the pod: an arbitrary command has no dead-man's switch. For file
// systems use [FSFreeze].
func Velero(c *volsnap.Cluster, tolerated func(namespace, pod string, err error)) Hook {
	return func(ctx context.Context, namespace, name string) (func(context.Context) error, error) {
		pod, err := ReadPod(ctx, c, namespace, name)
		if err != nil {
			return nil, err
		}
		pre, post, err := Annotations(pod.Annotations)
		if err == nil {
			err = errors.Join(pod.check("pre", pre), pod.check("post", post))
		}
		if err != nil {
			return nil, fmt.Errorf("quiesce pod %s/%s: %w", namespace, name, err)
		}
		if pod.ended() || pre == nil && post == nil {
			return nil, nil
		}
		run := func(ctx context.Context, what string, c *Command, exec execFunc) error {
			if c == nil {
				return nil
			}
			ctx, cancel := context.WithTimeout(ctx, c.Timeout)
			defer cancel()
			_, err := exec(ctx, c.Container, c.Args...)
			if err == nil {
				return nil
			}
			err = fmt.Errorf("run the %s hook of velero's annotations: %w", what, err)
			if c.Continue && tolerated != nil {
				tolerated(namespace, name, err)
				return nil
			}
			return err
		}
		return begin(ctx, maxTimeout,
			func(ctx context.Context) error { return run(ctx, "pre", pre, pod.Exec) },
			func(ctx context.Context) error { return run(ctx, "post", post, pod.execAgain) })
	}
}

// check looks for the container of a command before anything is frozen.
func (p *Pod) check(what string, c *Command) error {
	if c == nil {
		return nil
	}
	if _, err := p.container(c.Container); err != nil {
		return fmt.Errorf("the %s hook of velero's annotations: %w", what, err)
	}
	return nil
}
