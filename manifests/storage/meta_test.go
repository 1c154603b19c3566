package storage

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/serializer/cbor/direct"
)

// inCBOR gives an object as kube-apiserver stores it where CBOR is on.
func inCBOR(t testing.TB, object string) []byte {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(object), &o); err != nil {
		t.Fatal(err)
	}
	value, err := direct.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte(cborMagic), value...)
}

const widget = `{"apiVersion":"example.com/v1","kind":"Widget",
	"metadata":{"name":"w","namespace":"shop","uid":"u1","labels":{"app":"web"}},
	"spec":{"size":3,"text":"yes"},"status":{"seen":true}}`

func TestReadMeta(t *testing.T) {
	of := func(encoding Encoding) Meta {
		return Meta{
			APIVersion: "example.com/v1", Kind: "Widget", Namespace: "shop", Name: "w", UID: "u1", Encoding: encoding,
		}
	}
	meta := append(within([]byte("w"), 1), append(within([]byte("shop"), 3), within([]byte("u1"), 5)...)...)
	for name, c := range map[string]struct {
		value string
		want  Meta
	}{
		"json":           {widget, of(JSON)},
		"json, indented": {"\n  " + widget, of(JSON)},
		"protobuf":       {string(wrap("example.com/v1", "Widget", within(meta, 1))), of(Protobuf)},
		"cbor":           {string(inCBOR(t, widget)), of(CBOR)},
		"aescbc":         {"k8s:enc:aescbc:v1:key1:xxx", Meta{Encoding: Encrypted, Cipher: `aescbc with key "key1"`}},
		"secretbox":      {"k8s:enc:secretbox:v1:a b:xxx", Meta{Encoding: Encrypted, Cipher: `secretbox with key "a b"`}},
		"kms":            {"k8s:enc:kms:v2:vault:xxx", Meta{Encoding: Encrypted, Cipher: `kms:v2 "vault"`}},
		"new cipher":     {"k8s:enc:rot13:v1:key1:xxx", Meta{Encoding: Encrypted, Cipher: "a provider that is not known"}},
		"text":           {"1234", Meta{Encoding: Opaque}},
		"nothing":        {"", Meta{Encoding: Opaque}},
		"no metadata":    {`{"kind":"Widget"}`, Meta{Kind: "Widget", Encoding: JSON}},
		"other case":     {`{"Kind":"Widget","METADATA":{"name":"w"}}`, Meta{Encoding: JSON}},
	} {
		got, err := ReadMeta([]byte(c.value))
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
	}
}

func TestReadMetaRefuses(t *testing.T) {
	whole := string(stored(t, "/registry/deployments/shop/web", web).Value)
	packed := string(inCBOR(t, widget))
	for name, value := range map[string]string{
		"json, cut":            widget[:len(widget)-1],
		"json, another type":   `{"kind":1}`,
		"json, nested":         `{"metadata":` + strings.Repeat(`{"a":`, 20000) + `1` + strings.Repeat(`}`, 20001),
		"protobuf, cut":        whole[:len(whole)-1],
		"protobuf, long field": protobufMagic + "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
		"protobuf, encoded":    string(append(wrap("v1", "Pod", nil), within([]byte("gzip"), 3)...)),
		"protobuf, more":       string(append(wrap("v1", "Pod", nil), within([]byte("x"), 5)...)),
		"protobuf, no UTF-8":   string(wrap("v1", "Pod", within([]byte("\xff"), 1, 1))),
		"cbor, cut":            packed[:len(packed)-1],
		"cbor, long":           cborMagic + "\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
		"too long":             widget + strings.Repeat(" ", maxValue),
	} {
		if m, err := ReadMeta([]byte(value)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

func TestObjectInCBOR(t *testing.T) {
	kv := stored(t, "/registry/deployments/shop/web", web)
	kv.Key, kv.Value = []byte("/registry/example.com/widgets/shop/w"), inCBOR(t, widget)
	d := newDecoder(t, Options{})
	packed, err := d.Object(kv)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := d.Entry(kv)
	if err != nil {
		t.Fatal(err)
	}
	kv.Value = []byte(widget)
	plain, err := d.Object(kv)
	if err != nil {
		t.Fatal(err)
	}
	if string(packed.YAML) != string(plain.YAML) || packed.Entry != plain.Entry {
		t.Errorf("%+v\n%s\n%+v\n%s", packed.Entry, packed.YAML, plain.Entry, plain.YAML)
	}
	if entry.Hash = plain.Hash; entry != plain.Entry {
		t.Errorf("the entry is %+v, of the object %+v", entry, plain.Entry)
	}
}

func FuzzReadMeta(f *testing.F) {
	f.Add([]byte(widget))
	f.Add(stored(f, "/registry/deployments/shop/web", web).Value)
	f.Add(inCBOR(f, widget))
	f.Add([]byte("k8s:enc:kms:v2:vault:xxx"))
	f.Fuzz(func(t *testing.T, value []byte) {
		m, err := ReadMeta(value)
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("%v", err)
		}
		if (m.Encoding == Encrypted) != (m.Cipher != "") || m.Encoding == "" {
			t.Errorf("%+v", m)
		}
	})
}
