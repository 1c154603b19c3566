package realnode

import (
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/datamaker"
)

// BenchmarkFillAPI makes tens of thousands of mixed objects through a real API server: how long a benchmark
// that needs them has to wait for them.
func BenchmarkFillAPI(b *testing.B) {
	const objects = 30_000
	total := 0
	for b.Loop() {
		b.StopTimer()
		node := bed.ControlPlane(b, bed.Options{}) // each makes the same objects
		b.StartTimer()
		made, err := datamaker.FillAPI(b.Context(), node.RESTConfig(b), objects)
		if err != nil {
			b.Fatal(err)
		}
		for _, n := range made {
			total += n
		}
	}
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "objects/s")
}
