package tree_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// many gives 50,000 objects of some 1.6 KiB in 200 namespaces and 10 kinds.
func many() []*manifests.Object {
	list := make([]*manifests.Object, 50_000)
	filler := strings.Repeat("field: value\n", 120)
	for i := range list {
		k := manifests.Key{
			Group: "apps", Resource: fmt.Sprintf("kind%d", i%10),
			Namespace: fmt.Sprintf("namespace-%d", i/10%200), Name: fmt.Sprintf("object-%d", i),
		}
		text := fmt.Sprintf("apiVersion: v1\nkind: X\nname: %s\n%s", k.Name, filler)
		sum := sha256.Sum256([]byte(text))
		list[i] = &manifests.Object{
			Entry: manifests.Entry{
				Key: k, Version: "v1", Kind: "X", UID: "2f8b1c1e-7d0c-4a3f-9b57-0c7f3d6f8a11", ResourceVersion: fmt.Sprint(i),
				Class: manifests.User, Hash: hex.EncodeToString(sum[:]),
			},
			YAML: []byte(text),
		}
	}
	return list
}

func benchmark(b *testing.B, prepare func(run func(in string)), dir func() string) {
	objects := many()
	report := &manifests.Report{Instant: manifests.Instant{ResourceVersion: "1"}, Objects: len(objects)}
	for i := range 10 {
		report.Outcomes = append(report.Outcomes, manifests.Outcome{
			Resource: manifests.Resource{Group: "apps", Version: "v1", Resource: fmt.Sprintf("kind%d", i), Kind: "X"},
			State:    manifests.Listed,
		})
	}
	run := func(in string) {
		to, err := tree.Open(openRoot(b, in), tree.Options{})
		if err != nil {
			b.Fatal(err)
		}
		defer to.Close()
		if err := to.Begin(report.Instant); err != nil {
			b.Fatal(err)
		}
		for _, o := range objects {
			if err := to.Object(o); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := to.Commit(report); err != nil {
			b.Fatal(err)
		}
	}
	prepare(run)
	b.ReportAllocs()
	for b.Loop() {
		run(dir())
	}
	b.ReportMetric(float64(len(objects)*b.N)/b.Elapsed().Seconds(), "objects/s")
}

// The first dump writes 50,000 files, those that follow none. Compare with make bench.
func BenchmarkFirst(b *testing.B) { benchmark(b, func(func(string)) {}, b.TempDir) }

func BenchmarkUnchanged(b *testing.B) {
	dir := b.TempDir()
	benchmark(b, func(run func(string)) { run(dir) }, func() string { return dir })
}
