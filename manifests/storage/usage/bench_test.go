package usage_test

import (
	"fmt"
	"runtime"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests/storage/usage"
)

// BenchmarkCount counts a million keys of a kilobyte, each written twice, and says what each takes of the heap at the end.
func BenchmarkCount(b *testing.B) {
	const keys = 1_000_000
	value := []byte(custom("Widget", "a", 900))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for b.Loop() {
		report, err := usage.Count(func(yield func(*mvccpb.Event, error) bool) {
			for i := range 2 * keys {
				name := fmt.Appendf(nil, "/registry/example.com/widgets/team-%03d/widget-of-some-length-%08d", i%200, i%keys)
				kv := &mvccpb.KeyValue{Key: name, Value: value, ModRevision: int64(i + 2), CreateRevision: 2, Version: 1}
				if !yield(&mvccpb.Event{Kv: kv}, nil) {
					return
				}
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
		}, usage.Options{})
		if err != nil || report.Total.Keys != keys {
			b.Fatal(report, err)
		}
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/keys, "B/key")
	b.ReportMetric(float64(2*keys*b.N)/b.Elapsed().Seconds(), "events/s")
}
