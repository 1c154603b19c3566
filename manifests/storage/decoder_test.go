package storage

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/clustersnap/clustersnap/manifests"
)

// stored gives an object, written as YAML-free JSON, as kube-apiserver stores it in protobuf.
func stored(t testing.TB, key, object string) *mvccpb.KeyValue {
	t.Helper()
	typed, kind, err := scheme.Codecs.UniversalDeserializer().Decode([]byte(object), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return keyOfTyped(t, key, typed, *kind)
}

func keyOfTyped(t testing.TB, key string, typed runtime.Object, kind schema.GroupVersionKind) *mvccpb.KeyValue {
	t.Helper()
	typed.GetObjectKind().SetGroupVersionKind(kind)
	var b bytes.Buffer
	if err := protobuf.NewSerializer(scheme.Scheme, scheme.Scheme).Encode(typed, &b); err != nil {
		t.Fatal(err)
	}
	return &mvccpb.KeyValue{Key: []byte(key), Value: b.Bytes(), ModRevision: 42}
}

func newDecoder(t testing.TB, opts Options) *Decoder {
	t.Helper()
	d, err := NewDecoder(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

const web = `{"apiVersion":"apps/v1","kind":"Deployment",
	"metadata":{"name":"web","namespace":"shop","uid":"u1","labels":{"app":"web"}},
	"spec":{"replicas":3,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},
	"spec":{"containers":[{"name":"c","image":"i"}]}}},"status":{"replicas":2}}`

func TestObject(t *testing.T) {
	for name, c := range map[string]struct {
		kv   *mvccpb.KeyValue
		key  manifests.Key
		want string
	}{
		"protobuf": {
			stored(t, "/registry/deployments/shop/web", web),
			manifests.Key{Group: "apps", Resource: "deployments", Namespace: "shop", Name: "web"}, "replicas: 3",
		},
		"json": {
			&mvccpb.KeyValue{Key: []byte("/registry/example.com/widgets/shop/w"), Value: []byte(widget), ModRevision: 42},
			manifests.Key{Group: "example.com", Resource: "widgets", Namespace: "shop", Name: "w"}, "status:\n  seen: true\n",
		},
	} {
		object, err := newDecoder(t, Options{}).Object(c.kv)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if object.Key != c.key || object.ResourceVersion != "42" || !strings.Contains(string(object.YAML), c.want) {
			t.Errorf("%s: %+v\n%s", name, object.Entry, object.YAML)
		}
		entry, err := newDecoder(t, Options{}).Entry(c.kv)
		if err != nil {
			t.Error(err)
		}
		if entry.Hash = object.Hash; entry != object.Entry {
			t.Errorf("%s: the entry is %+v, of the object %+v", name, entry, object.Entry)
		}
	}
}

// What an API server shows beside what it stores, and does not show.
func TestObjectAsShown(t *testing.T) {
	const set = `{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"db","namespace":"shop"},
		"spec":{"volumeClaimTemplates":[{"metadata":{"name":"data"}}]},"status":{"replicas":2}}`
	object, err := newDecoder(t, Options{}).Object(stored(t, "/registry/statefulsets/shop/db", set))
	if err != nil {
		t.Fatal(err)
	}
	text := string(object.YAML)
	if !strings.Contains(text, "- apiVersion: v1\n    kind: PersistentVolumeClaim\n") || strings.Contains(text, "replicas: 2") {
		t.Errorf("%s", text)
	}
}

// Kubernetes' own kinds are in JSON where kube-apiserver has --storage-media-type=application/json.
func TestBuiltInKindInJSON(t *testing.T) {
	packed := stored(t, "/registry/deployments/shop/web", web)
	want, err := newDecoder(t, Options{}).Object(packed)
	if err != nil {
		t.Fatal(err)
	}
	e, err := open(packed.Value)
	if err != nil {
		t.Fatal(err)
	}
	object, err := scheme.Scheme.New(schema.FromAPIVersionAndKind(e.apiVersion, e.kind))
	if err != nil {
		t.Fatal(err)
	}
	if err := object.(message).Unmarshal(e.raw); err != nil {
		t.Fatal(err)
	}
	plain, codec := *packed, scheme.Codecs.LegacyCodec(schema.GroupVersion{Group: "apps", Version: "v1"})
	if plain.Value, err = runtime.Encode(codec, object); err != nil {
		t.Fatal(err)
	}
	got, err := newDecoder(t, Options{}).Object(&plain)
	if err != nil || got.Entry != want.Entry || string(got.YAML) != string(want.YAML) {
		t.Errorf("%v\n%s\n%s", err, got.YAML, want.YAML)
	}
}

func TestObjectRefuses(t *testing.T) {
	good := stored(t, "/registry/deployments/shop/web", web)
	for name, c := range map[string]struct {
		key   string
		value []byte
		want  error
	}{
		"internal":  {"/registry/masterleases/10.0.0.1", good.Value, ErrNotObject},
		"outside":   {"compact_rev_key", good.Value, ErrNotObject},
		"another":   {"/registry/deployments/shop/other", good.Value, ErrDamaged},
		"cut":       {"/registry/deployments/shop/web", good.Value[:len(good.Value)-3], ErrDamaged},
		"encrypted": {"/registry/secrets/shop/s", []byte("k8s:enc:aescbc:v1:key1:xxxx"), ErrEncrypted},
		"text":      {"/registry/secrets/shop/s", []byte("hello"), ErrDamaged},
	} {
		_, err := newDecoder(t, Options{}).Object(&mvccpb.KeyValue{Key: []byte(c.key), Value: c.value})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
