package restore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A fact that was not looked at to the end of the time is none: a port that does not answer in that moment may be open.
func TestWaitBelievesNothingAfterItsTime(t *testing.T) {
	m := &machine{host: Host{Limit: time.Millisecond}}
	err := m.wait(t.Context(), "a port to close", func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	})
	if err == nil || !strings.HasPrefix(err.Error(), "wait for a port to close: not within 1ms: ") {
		t.Errorf("the error is %v", err)
	}
}

// What was in the way before the time was over is said, and not how the last question was cut short.
func TestWaitSaysWhatWasInTheWay(t *testing.T) {
	cutShort := func(ctx context.Context) error {
		<-ctx.Done()
		return fmt.Errorf("list containers etcd: %w", ctx.Err())
	}
	for name, c := range map[string]struct {
		answers []error // before the question that is cut short
		cut     func(context.Context) error
		end     time.Duration // of the caller
		want    string
	}{
		"the caller ends": {
			[]error{errors.New("its container 1 runs")}, cutShort, time.Second,
			"wait for etcd to stop: interrupt: its container 1 runs",
		},
		"the limit": {
			[]error{errors.New("its container 1 runs"), errors.New("its pod 1 is there")}, cutShort, time.Hour,
			"wait for etcd to stop: not within 1m0s: its pod 1 is there",
		},
		"a fatal answer that was cut short": {
			[]error{errors.New("its container 1 runs")},
			func(ctx context.Context) error { return &fatalError{cutShort(ctx)} }, time.Second,
			"wait for etcd to stop: interrupt: its container 1 runs",
		},
		"the first one": {
			nil, cutShort, time.Second, "wait for etcd to stop: interrupt: list containers etcd: context canceled",
		},
		"a fatal first one": {
			nil, func(ctx context.Context) error { return &fatalError{cutShort(ctx)} }, time.Second,
			"wait for etcd to stop: interrupt: list containers etcd: context canceled",
		},
		"a fatal answer": {
			[]error{&fatalError{errors.New("a manifest has come back")}}, cutShort, time.Hour, "a manifest has come back",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(c.end, func() { cancel(errors.New("interrupt")) })
				m := &machine{host: Host{Limit: time.Minute}}
				err := m.wait(ctx, "etcd to stop", func(ctx context.Context) error {
					if len(c.answers) == 0 {
						return c.cut(ctx)
					}
					answer := c.answers[0]
					c.answers = c.answers[1:]
					return answer
				})
				if err == nil || err.Error() != c.want {
					t.Errorf("the error is %v, want %s", err, c.want)
				}
			})
		})
	}
}

// An etcd that had no quorum before has none after the rollback either, and need not answer for that to end.
func TestRollbackWithoutAQuorum(t *testing.T) {
	m := resting(t)
	m.host.Limit, m.host.Now = 2*time.Second, func() time.Time { return noon }
	ports := m.plan.ports(etcd)
	slices.Sort(ports)
	for _, host := range slices.Compact(ports) {
		l, err := net.Listen("tcp", host)
		must(t, err)
		t.Cleanup(func() { l.Close() })
	}
	m.was = was{Etcd: true}
	must(t, m.startOld(t.Context()))
	m.was.Quorum = true
	says(t, m.startOld(t.Context()), "wait for the old etcd to answer: ")
}

// A kube-apiserver that was ready before is waited for until it is again, and one that was not is not.
func TestRollbackWaitsUntilReady(t *testing.T) {
	m := resting(t)
	m.host.Limit = time.Minute
	ready := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case kubeSystem:
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"kube-system","uid":"uid"}}`)
		case "/readyz":
			if ready++; ready%3 != 0 {
				http.Error(w, "[-]poststarthook/rbac/bootstrap-roles failed", http.StatusInternalServerError)
			}
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	conf := strings.Replace(oldAdmin, "https://127.0.0.1:1", server.URL, 1)
	write(t, filepath.Join(m.at.root, confDir, adminConf), conf)

	m.askAPI(t.Context(), m.plan, &m.was)
	if !m.was.API || m.was.UID != "uid" || m.was.Ready {
		t.Errorf("before it is ready it was %+v", m.was)
	}
	must(t, m.startOld(t.Context()))
	if ready != 1 {
		t.Errorf("one that was not ready was asked %d times whether it is", ready-1)
	}
	ready = 2
	m.askAPI(t.Context(), m.plan, &m.was)
	if !m.was.Ready {
		t.Errorf("once it is ready it was %+v", m.was)
	}
	must(t, m.startOld(t.Context()))
	if ready != 6 {
		t.Errorf("it is waited for until question %d, want 3", ready-3)
	}
}
