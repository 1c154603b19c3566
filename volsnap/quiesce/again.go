package quiesce

import (
	"context"
	"errors"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// execFunc is [Pod.Exec].
type execFunc = func(ctx context.Context, container string, command ...string) (Output, error)

// pause lies between two tries to reach a pod.
const pause = time.Second

// execAgain is [Pod.Exec], tried until the pod was reached, the server refused for good, or ctx ended. A try that ends with ctx
// gives the error of the one before, if there was one, which says more.
func (p *Pod) execAgain(ctx context.Context, container string, command ...string) (Output, error) {
	var before error
	for {
		out, err := p.Exec(ctx, container, command...)
		var exit *ExitError
		if err == nil || errors.As(err, &exit) || final(err) {
			return out, err
		}
		if ctx.Err() == nil {
			before = err
		}
		if !sleep(ctx, pause) {
			return out, errors.Join(before, context.Cause(ctx))
		}
	}
}

// final reports whether the server's refusal will not change: the pod has gone, we may not, or there is no such program.
func final(err error) bool {
	return notStarted(err) || errors.Is(err, ErrNoContainer) ||
		apierrors.IsNotFound(err) || apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) ||
		apierrors.IsBadRequest(err) || apierrors.IsInvalid(err)
}

// notStarted reports whether a container runtime says that it could not start the command, for want of the program. It has no
// exit code then, only this text: that of runc (containerd, CRI-O), libcontainer's "unable to start container process", and
// that of crun.
func notStarted(err error) bool {
	text := strings.ToLower(err.Error())
	return strings.Contains(text, "executable file") && strings.Contains(text, "not found") ||
		strings.Contains(text, "unable to start container process") &&
			(strings.Contains(text, "no such file or directory") || strings.Contains(text, "permission denied"))
}

// sleep reports whether ctx lasted for it.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
