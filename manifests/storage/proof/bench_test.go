package proof

import (
	"fmt"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests"
)

// A large cluster in memory: what is left is the proof.
func BenchmarkComplete(b *testing.B) {
	const objects = 100_000
	var keys []*mvccpb.KeyValue
	var all []manifests.Entry
	for i := range objects {
		name, rv := fmt.Sprintf("object-%06d", i), int64(100+i)
		kv := &mvccpb.KeyValue{CreateRevision: rv, ModRevision: rv}
		kv.Key, kv.Value = []byte("/registry/configmaps/shop/"+name), packed(b, "shop", name, "uid-"+name)
		e := manifests.Entry{UID: "uid-" + name, ResourceVersion: fmt.Sprint(rv)}
		e.Key = manifests.Key{Resource: "configmaps", Namespace: "shop", Name: name}
		if i%10 == 0 {
			kv.Key = []byte("/registry/example.com/widgets/shop/" + name)
			kv.Value = object("example.com/v1", "Widget", "shop", name, "uid-"+name)
			e.Group, e.Resource = "example.com", "widgets"
		}
		keys, all = append(keys, kv), append(all, e)
	}
	s := Store{Revision: objects + 100, Keys: func(yield func(*mvccpb.KeyValue, error) bool) {
		for _, kv := range keys {
			if !yield(kv, nil) {
				return
			}
		}
	}}
	b.ReportAllocs()
	for b.Loop() {
		p := prove(b, report(objects+100, outcomes()...), all, s, Options{})
		if p.Matched != objects {
			b.Fatal(p)
		}
	}
	b.ReportMetric(float64(objects)*float64(b.N)/b.Elapsed().Seconds(), "objects/s")
}
