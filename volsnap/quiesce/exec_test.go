package quiesce

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/volsnap"
)

// refusing is a server that runs no command: it answers as refuse does, and remembers the methods of the requests. What a
// server does that runs them, the test bed has.
func refusing(t *testing.T, refuse http.HandlerFunc) (*Pod, func() []string) {
	var mu sync.Mutex
	var methods []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		methods = append(methods, r.Method)
		mu.Unlock()
		refuse(w, r)
	}))
	t.Cleanup(server.Close)
	return podAt(t, server.URL), func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(methods)
	}
}

func podAt(t *testing.T, host string) *Pod {
	t.Helper()
	cluster, err := volsnap.NewCluster(&rest.Config{Host: host})
	if err != nil {
		t.Fatal(err)
	}
	always := corev1.ContainerRestartPolicyAlways
	return &Pod{cluster: cluster, Pod: &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "db-0"},
		Spec: corev1.PodSpec{
			Containers:     []corev1.Container{{Name: "first"}, {Name: "second"}},
			InitContainers: []corev1.Container{{Name: "once"}, {Name: "sidecar", RestartPolicy: &always}},
		},
	}}
}

// TestExecFallsBack runs with the oldest client-go and with the newest: the error that it goes by is another type in each.
func TestExecFallsBack(t *testing.T) {
	pod, methods := refusing(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no such thing", http.StatusBadRequest)
	})
	_, err := pod.Exec(t.Context(), "", "mysql", "-phunter2")
	if err == nil {
		t.Fatal("no error")
	}
	if got := methods(); !slices.Equal(got, []string{"GET", "POST"}) {
		t.Errorf("got requests %q, want one for a WebSocket and one for SPDY", got)
	}
}

// TestExecForbidden has an error that execAgain takes as final.
func TestExecForbidden(t *testing.T) {
	pod, methods := refusing(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		status := apierrors.NewForbidden(corev1.Resource("pods"), "db-0", errors.New("no right")).Status()
		status.APIVersion, status.Kind = "v1", "Status"
		_ = json.NewEncoder(w).Encode(status)
	})
	_, err := pod.execAgain(t.Context(), "second", "true")
	if !apierrors.IsForbidden(err) || len(methods()) != 2 {
		t.Errorf("got %v after requests %q, want forbidden after one of each way", err, methods())
	}
}

// TestExecKeepsSecrets has connections that end in ways that client-go reports with the URL, which has the command.
func TestExecKeepsSecrets(t *testing.T) {
	broken := func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			http.Error(w, "", http.StatusBadRequest)
			return
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close()
		}
	}
	lost, methods := refusing(t, broken)
	moved, _ := refusing(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.String(), http.StatusTemporaryRedirect)
	})
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, pod := range map[string]*Pod{"lost": lost, "gone": podAt(t, gone.URL), "moved": moved} {
		_, err := pod.Exec(t.Context(), "", "mysql", "-p", "hunter2 &")
		if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "mysql") {
			t.Errorf("%s: got %v, want an error without the command", name, err)
		}
	}
	if got := methods(); !slices.Contains(got, "POST") {
		t.Errorf("got requests %q: SPDY was not tried", got)
	}
}

func TestExecEndsWithContext(t *testing.T) {
	// A context without a deadline: while it connects, the WebSocket client would not see that it was cancelled.
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan struct{})
	pod, _ := refusing(t, func(http.ResponseWriter, *http.Request) {
		cancel()
		<-answered
	})
	t.Cleanup(func() { close(answered) }) // before the server waits for its handlers
	for name, run := range map[string]execFunc{"once": pod.Exec, "again": pod.execAgain} {
		if _, err := run(ctx, "", "true"); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want %v", name, err, context.Canceled)
		}
	}
}

func TestExecRefuses(t *testing.T) {
	pod, methods := refusing(t, func(http.ResponseWriter, *http.Request) {})
	for name, run := range map[string]struct {
		container string
		command   []string
	}{
		"no container": {"third", []string{"true"}}, "one that has ended": {"once", []string{"true"}},
		"no command": {"first", nil}, "no program": {"first", []string{""}}, "NUL": {"first", []string{"true", "a\x00"}},
	} {
		if _, err := pod.Exec(t.Context(), run.container, run.command...); err == nil || len(methods()) != 0 {
			t.Errorf("%s: got %v after requests %q, want an error without any", name, err, methods())
		}
	}
	for _, name := range []string{"third", "once"} {
		const there = "first, second, sidecar"
		if _, err := pod.container(name); !errors.Is(err, ErrNoContainer) || !strings.Contains(err.Error(), there) {
			t.Errorf("container %q: got %v, want %v, and those that there are", name, err, ErrNoContainer)
		}
		if _, err := pod.execAgain(t.Context(), name, "true"); !errors.Is(err, ErrNoContainer) { // and not for ever
			t.Errorf("container %q: got %v, want %v", name, err, ErrNoContainer)
		}
	}
	for name, want := range map[string]string{"": "first", "second": "second", "sidecar": "sidecar"} {
		if got, err := pod.container(name); got != want || err != nil {
			t.Errorf("container %q: got %q and %v, want %q", name, got, err, want)
		}
	}
	pod.Spec.Containers = nil
	if _, err := pod.container(""); !errors.Is(err, ErrNoContainer) {
		t.Errorf("of a pod without containers: got %v, want %v", err, ErrNoContainer)
	}
}
