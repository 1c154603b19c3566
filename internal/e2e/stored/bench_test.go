package stored

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// benchSize is how large the database is that the benchmarks read, in bytes.
const benchSize = 1536 << 20

// BenchmarkSnapshot reads a large snapshot in a process of its own: all keys with the kinds and names in their values, all
// objects in canonical form, and all of them to a new tree. MB/s are those of the values.
func BenchmarkSnapshot(b *testing.B) {
	snapshot, read := filled(b, benchSize), program(b, "readsnapshot")
	for _, what := range []string{"list", "decode", "tree"} {
		b.Run(what, func(b *testing.B) {
			var objects, size, peak int
			for range b.N {
				args := []string{snapshot, what}
				if what == "tree" {
					b.StopTimer()
					dir := filepath.Join(b.TempDir(), strconv.Itoa(b.N))
					must(b, os.RemoveAll(dir))
					must(b, os.Mkdir(dir, 0o700))
					args = append(args, dir)
					b.StartTimer()
				}
				out, err := exec.Command(read, args...).CombinedOutput()
				if err != nil {
					b.Fatalf("%v\n%s", err, out)
				}
				if _, err := fmt.Fscan(bytes.NewReader(out), &objects, &size, &peak); err != nil {
					b.Fatalf("%v\n%s", err, out)
				}
			}
			seconds := b.Elapsed().Seconds() / float64(b.N)
			b.ReportMetric(float64(objects)/seconds, "objects/s")
			b.ReportMetric(float64(size)/1e6/seconds, "MB/s")
			b.ReportMetric(float64(peak)/1024, "MiB-peak")
			b.Logf("%d objects of %d MB", objects, size/1e6)
		})
	}
}
