package treemap

import (
	"bytes"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/examples/clustersnap/treemap"
	"github.com/clustersnap/clustersnap/manifests/storage/usage"
)

// many are objects of many kinds and namespaces, of sizes that differ as widely as a cluster's.
func many(n int) iter.Seq2[*mvccpb.Event, error] {
	return func(yield func(*mvccpb.Event, error) bool) {
		r := rand.New(rand.NewPCG(1, 2))
		for i := range n {
			key := fmt.Sprintf("/registry/example.com/kind%d/team-%d/object-%d", int(30*r.Float64()*r.Float64()), r.IntN(40), i)
			size := int(200 / (0.002 + r.Float64()*r.Float64()))
			kv := &mvccpb.KeyValue{
				Key: []byte(key), Value: bytes.Repeat([]byte("x"), size),
				ModRevision: int64(i + 2), CreateRevision: 2, Version: 1,
			}
			if !yield(&mvccpb.Event{Kv: kv}, nil) {
				return
			}
		}
	}
}

// A map of as many objects as it can have is drawn, without a gap, and can be searched.
func TestManyObjects(t *testing.T) {
	report, err := usage.Count(many(25_000), usage.Options{Objects: 200})
	must(t, err)
	page := filepath.Join(t.TempDir(), "many.html")
	f, err := os.Create(page)
	must(t, err)
	defer f.Close()
	must(t, treemap.Write(f, report, treemap.About{Name: "many.snap", Size: report.Total.RecordBytes}))
	b := browse(t, page)
	b.resize(1920, 1200)
	list, names := values(report, func(s usage.Sizes) int64 { return s.RecordBytes })
	inProportion(t, fits(t, b), list, names)
	n, took := ask[int](b, `document.querySelectorAll(".box").length`), ask[float64](b, "drawing()")
	t.Logf("%d rectangles, drawn anew in %.0f ms", n, took)
	if n < 15_000 {
		t.Errorf("of 20,000 objects, there are %d rectangles", n)
	}
	b.search("object-1234")
	if n := ask[int](b, `document.querySelectorAll(".hit").length`); n == 0 {
		t.Error("nothing is found")
	}
	b.search("")
	b.picture(t, "many")
	b.quiet(page)
}

// An etcd without keys is a page without rectangles, and no error.
func TestNoObjects(t *testing.T) {
	report, err := usage.Count(many(0), usage.Options{Objects: 200})
	must(t, err)
	page := filepath.Join(t.TempDir(), "none.html")
	f, err := os.Create(page)
	must(t, err)
	defer f.Close()
	must(t, treemap.Write(f, report, treemap.About{Name: "none.snap"}))
	b := browse(t, page)
	b.search("object")
	b.search("")
	b.quiet(page)
}
