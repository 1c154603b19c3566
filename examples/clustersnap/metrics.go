package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/push"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

const (
	metricPrefix = "clustersnap_backup_"
	lastGood     = metricPrefix + "last_success_timestamp_seconds"
)

// metrics are those of one backup. How a backup was that is good stays known beside one that is not: the time of the last one is
// that of before.
func (r *result) metrics(now, good time.Time) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	gauge := func(name, help string, value float64, labels prometheus.Labels) {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: metricPrefix + name, Help: help, ConstLabels: labels})
		g.Set(value)
		registry.MustRegister(g)
	}
	gauge("last_run_timestamp_seconds", "When the last backup began.", seconds(r.Created), nil)
	if r.Verdict == verdictGood {
		good = r.Created
	}
	if !good.IsZero() {
		gauge("last_success_timestamp_seconds", "When the last good backup began.", seconds(good), nil)
	}
	for _, verdict := range []string{verdictGood, verdictDegraded, verdictFailed} {
		is := map[bool]float64{true: 1}[r.Verdict == verdict]
		gauge("verdict", "Whether the last backup was so.", is, prometheus.Labels{"verdict": verdict})
	}
	gauge("duration_seconds", "How long the last backup took.", now.Sub(r.Created).Seconds(), nil)
	for _, s := range r.Steps {
		gauge("step_duration_seconds", "How long its steps took.", s.Seconds, prometheus.Labels{"step": s.Name})
	}
	if r.Verdict == verdictFailed { // it has no set to tell of
		return registry
	}
	gauge("size_bytes", "How large the last set is.", float64(r.size), nil)
	gauge("revision", "The revision of etcd in it.", float64(r.Revision), nil)
	gauge("objects", "How many objects are in it.", float64(r.Objects), nil)
	gauge("not_saved", "How much of the cluster is not in it: volumes, kinds, files.", float64(len(r.NotSaved)), nil)
	for outcome, n := range r.Volumes {
		gauge("volumes", "What became of volumes.", float64(n), prometheus.Labels{"outcome": outcome})
	}
	return registry
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1e3 }

// writeMetrics replaces a file of node_exporter's textfile collector.
func (r *result) writeMetrics(file string, now time.Time) error {
	good, err := lastSuccess(file)
	if err != nil {
		return err
	}
	return prometheus.WriteToTextfile(file, r.metrics(now, good))
}

// lastSuccess is what a file says, zero if there is none yet.
func lastSuccess(file string) (time.Time, error) {
	f, err := os.Open(file)
	if os.IsNotExist(err) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	defer f.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(f)
	if err != nil {
		return time.Time{}, &fs.PathError{Op: "read", Path: file, Err: fmt.Errorf("%w: remove it, if it is no file of metrics", err)}
	}
	for _, m := range families[lastGood].GetMetric() {
		return time.UnixMilli(int64(value(m) * 1e3)), nil
	}
	return time.Time{}, nil
}

func value(m *dto.Metric) float64 {
	if g := m.GetGauge(); g != nil {
		return g.GetValue()
	}
	return m.GetUntyped().GetValue()
}

// pushMetrics adds to what a Pushgateway has of this node: it keeps the time of the last good one.
func (r *result) pushMetrics(ctx context.Context, gateway string, now time.Time) error {
	p := push.New(gateway, "clustersnap").Gatherer(r.metrics(now, time.Time{}))
	if r.Cluster != "" {
		p = p.Grouping("cluster", r.Cluster)
	}
	if r.Node != "" {
		p = p.Grouping("node", r.Node)
	}
	return p.AddContext(ctx)
}
