package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var metricsNow = time.Date(2026, 11, 27, 4, 0, 0, 0, time.UTC)

func made(verdict string) *result {
	r := &result{
		Created: metricsNow.Add(-time.Minute), Verdict: verdict, Cluster: "prod", Node: "cp1", Objects: 283, Revision: 396,
		Volumes: map[string]int{"snapshotted": 2}, NotSaved: []unsaved{{What: "volume"}}, size: 1 << 20,
		Steps: []stepSeconds{{"etcd", 1.5}},
	}
	if verdict == verdictFailed {
		r.Objects, r.size = 0, 0
	}
	return r
}

func holds(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+text, "\n"+line+"\n") {
			t.Errorf("there is no line %q in\n%s", line, text)
		}
	}
}

// A run that has failed leaves the time of the last good one.
func TestMetricsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "clustersnap.prom")
	write := func(r *result) string {
		t.Helper()
		if err := r.writeMetrics(file, metricsNow); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if text := write(made(verdictFailed)); strings.Contains(text, "last_success") || strings.Contains(text, "size_bytes") {
		t.Errorf("a first run that has failed says\n%s", text)
	}
	good := "clustersnap_backup_last_success_timestamp_seconds 1.79575194e+09"
	holds(t, write(made(verdictGood)), good,
		`clustersnap_backup_verdict{verdict="good"} 1`, `clustersnap_backup_verdict{verdict="degraded"} 0`,
		`clustersnap_backup_step_duration_seconds{step="etcd"} 1.5`, "clustersnap_backup_duration_seconds 60",
		`clustersnap_backup_volumes{outcome="snapshotted"} 2`, "clustersnap_backup_objects 283", "clustersnap_backup_not_saved 1",
		"clustersnap_backup_size_bytes 1.048576e+06", "clustersnap_backup_revision 396")
	later := made(verdictFailed)
	later.Created = metricsNow
	holds(t, write(later), good, `clustersnap_backup_verdict{verdict="failed"} 1`, `clustersnap_backup_verdict{verdict="good"} 0`,
		"clustersnap_backup_last_run_timestamp_seconds 1.795752e+09")

	if err := os.WriteFile(file, []byte("no metrics {"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := made(verdictGood).writeMetrics(file, metricsNow); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file that is something else is replaced: %v", err)
	}
}

// It is added to what the gateway has, below the names of this node: a run that has failed says nothing of the last good one.
func TestPushgateway(t *testing.T) {
	var path, text, method string
	gateway := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		method, path, text = r.Method, r.URL.Path, string(body)
	}))
	defer gateway.Close()
	if err := made(verdictFailed).pushMetrics(t.Context(), gateway.URL, metricsNow); err != nil {
		t.Fatal(err)
	}
	names := strings.Split(strings.TrimPrefix(path, "/metrics/job/clustersnap/"), "/") // pairs, in any order
	slices.Sort(names)
	if method != http.MethodPost || !slices.Equal(names, []string{"cluster", "cp1", "node", "prod"}) || strings.Contains(text, "last_success") {
		t.Errorf("%s %s: %q", method, path, text)
	}
}
