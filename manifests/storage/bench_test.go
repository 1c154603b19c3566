package storage

import (
	"os"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

// deployment is one of a real cluster, with managedFields, as it is stored.
func deployment(b testing.TB) *mvccpb.KeyValue {
	b.Helper()
	object, err := os.ReadFile("../testdata/deployment.json")
	if err != nil {
		b.Fatal(err)
	}
	var o unstructured.Unstructured
	o.Object = map[string]any{}
	if err := yaml.Unmarshal(object, &o.Object); err != nil {
		b.Fatal(err)
	}
	o.SetAPIVersion("apps/v1")
	o.SetKind("Deployment")
	object, err = o.MarshalJSON()
	if err != nil {
		b.Fatal(err)
	}
	return stored(b, "/registry/deployments/"+o.GetNamespace()+"/"+o.GetName(), string(object))
}

func BenchmarkDeployment(b *testing.B) {
	kv := deployment(b)
	d := newDecoder(b, Options{})
	b.Run("locate", func(b *testing.B) {
		for b.Loop() {
			if Locate(kv.Key, "").Use != Object {
				b.Fatal("it is no object")
			}
		}
	})
	each := func(name string, do func() error) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(kv.Value)))
			b.ReportAllocs()
			for b.Loop() {
				if err := do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	each("meta", func() error { _, err := ReadMeta(kv.Value); return err })
	each("entry", func() error { _, err := d.Entry(kv); return err })
	each("object", func() error { _, err := d.Object(kv); return err })
	var w worker
	each("object of a dump", func() error { _, err := d.object(&w, kv); return err })
	// What others do, whose YAML is not canonical and has lost what their types do not know.
	each("scheme and sigs.k8s.io yaml", func() error {
		typed, err := runtime.Decode(scheme.Codecs.UniversalDeserializer(), kv.Value)
		if err == nil {
			_, err = yaml.Marshal(typed)
		}
		return err
	})
}
