package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/kubeadm/restore"
)

// kubeconfig names a server, and nothing more.
const kubeconfig = `
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "%s"}}]
contexts: [{name: c, context: {cluster: c}}]
current-context: c
`

// The restore is committed when the cluster is looked at: what hinders that is a note.
func TestClusterThatCannotBeLookedAt(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		files map[string]string
		says  string
	}{
		{"no kubeconfig", nil, "neither super-admin.conf nor admin.conf"},
		{"no answer", map[string]string{"admin.conf": fmt.Sprintf(kubeconfig, "https://"+nobody)}, "connection refused"},
		{"the node's own server", map[string]string{
			"super-admin.conf":        fmt.Sprintf(kubeconfig, "https://192.0.2.1:6443"),
			"controller-manager.conf": fmt.Sprintf(kubeconfig, "https://"+nobody),
		}, "dial tcp " + nobody},
		{"another shape", map[string]string{"admin.conf": "clusters: 5"}, "read kubeconfig"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "etc/kubernetes")
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			for name, text := range c.files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			r := restoreFlags{root: filepath.Dir(filepath.Dir(dir))}
			var out strings.Builder
			r.after(t.Context(), steps{&out}, &restore.Report{})
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			last := lines[len(lines)-1]
			for _, text := range []string{"note ", "restore report", c.says} {
				if !strings.Contains(last, text) {
					t.Errorf("it does not say %q:\n%s", text, out.String())
				}
			}
		})
	}
}

// server is one that refuses all until it was asked so often, and then has nothing in it.
func server(t *testing.T, refuses int64) (url string) {
	t.Helper()
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if asked.Add(1) <= refuses {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403}`)
			return
		}
		fmt.Fprint(w, `{"metadata": {"resourceVersion": "7"}, "items": [], "status": {"token": "t", "authenticated": true}}`)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func nodeAt(t *testing.T, url string) (root string) {
	t.Helper()
	root = t.TempDir()
	dir := filepath.Join(root, "etc/kubernetes")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "admin.conf"), fmt.Appendf(nil, kubeconfig, url), 0o600); err != nil {
		t.Fatal(err)
	}
	return root
}

// A restore says how much is to be acted on, and is good all the same.
func TestRestoreThatLeavesSomethingToDo(t *testing.T) {
	r := restoreFlags{root: nodeAt(t, server(t, 1<<40))}
	var out strings.Builder
	r.after(t.Context(), steps{&out}, &restore.Report{Before: 5})
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "act ") || !strings.Contains(last, "findings: then ask") {
		t.Errorf("it says\n%s", out.String())
	}
}

// Something that goes by itself is waited for, and what does not is not waited for without end.
func TestLookUntilThereIsNothingToActOn(t *testing.T) {
	for _, c := range []struct {
		name    string
		refuses int64
		settle  time.Duration
		clean   bool
	}{
		{"one look", 1, 0, false},
		{"looks again", 1, time.Hour, true},
		{"until the time is over", 1 << 40, time.Nanosecond, false},
	} {
		configs, err := adminConfigs(nodeAt(t, server(t, c.refuses)))
		if err != nil {
			t.Fatal(err)
		}
		a := afterwards{configs: configs, settle: c.settle, each: time.Millisecond}
		report, err := a.look(t.Context())
		if err != nil || (toAct(report) == 0) != c.clean {
			t.Errorf("%s: %+v (%v), want nothing to act on: %t", c.name, report, err, c.clean)
		}
	}
}
