package restore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// What passes is asked again, and what stays ends the question.
func TestAskedAgain(t *testing.T) {
	m := &machine{host: Host{Limit: time.Minute}}
	for _, err := range []error{
		apierrors.NewTooManyRequests("later", 1), apierrors.NewServiceUnavailable("starting"), apierrors.NewTimeoutError("slow", 1),
		fmt.Errorf("dial: %w", syscall.ECONNREFUSED), context.DeadlineExceeded, os.ErrDeadlineExceeded,
		apierrors.NewInternalError(errors.New("etcdserver: request timed out")),
		apierrors.NewInternalError(errors.New("etcdserver: leader changed")),
	} {
		times := 0
		must(t, m.asked(t.Context(), func(context.Context) error {
			if times++; times == 1 {
				return fmt.Errorf("read: %w", err)
			}
			return nil
		}))
	}
	times := 0
	err := m.asked(t.Context(), func(context.Context) error {
		times++
		return fmt.Errorf("read a Secret: %w", apierrors.NewInternalError(errors.New("unable to transform key")))
	})
	says(t, err, "unable to transform key")
	if times != 1 {
		t.Errorf("it was asked %d times", times)
	}
}

// A kubelet that can't be restarted does not keep the old control plane from coming back.
func TestRollbackWithoutARestart(t *testing.T) {
	root, node := newNode(t)
	was, plan := tree(t, root), New(node, noon, lone)
	killedAt(t, root, plan, newSource(t), "journal: fence done")
	kubelet := &unit{missing: errors.New("it is masked")}
	report, err := Rollback(t.Context(), Host{Root: root, Limit: time.Second, Kubelet: kubelet}, "/var/lib/etcd", RollbackOptions{})
	must(t, err)
	if len(report.Notes) != 1 || report.Notes[0] != "the kubelet was not restarted: it is masked" || kubelet.restarts != 1 {
		t.Errorf("after %d restarts the notes are %q", kubelet.restarts, report.Notes)
	}
	same(t, was, tree(t, root))
}

// A program without a lease has to listen.
func TestServes(t *testing.T) {
	text, end := listening(t)
	must(t, serves(t.Context(), []string{hostOf(text)}))
	end()
	says(t, serves(t.Context(), []string{hostOf(text)}), "nothing listens at "+hostOf(text))
}
