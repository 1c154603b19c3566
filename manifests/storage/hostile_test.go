package storage

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

// wholes are values of each sort, which can be read.
func wholes(t testing.TB) []*mvccpb.KeyValue {
	return []*mvccpb.KeyValue{
		stored(t, "/registry/deployments/shop/web", web),
		stored(t, "/registry/events/shop/e", anEvent),
		keyed("/registry/example.com/widgets/shop/w", widget),
		keyed("/registry/example.com/widgets/shop/w", string(inCBOR(t, widget))),
		definitionKV(t, "v1beta1", "  version: v1\n  additionalPrinterColumns: [{name: a, JSONPath: .a}]\n  conversion: {strategy: None}\n"),
	}
}

// isNamed reports whether an error is one that callers are told of.
func isNamed(err error) bool {
	var lost *LossyError
	return errors.Is(err, ErrDamaged) || errors.Is(err, ErrUnknownType) || errors.Is(err, ErrNotObject) ||
		errors.Is(err, ErrEncrypted) || errors.As(err, &lost)
}

// Whatever is left of a value that was cut off is never taken for another object than it was.
func TestCutValues(t *testing.T) {
	d := newDecoder(t, Options{})
	for _, whole := range wholes(t) {
		want, err := d.Object(whole)
		if err != nil {
			t.Errorf("%s: %v", whole.Key, err)
			continue
		}
		for n := range whole.Value {
			cut := *whole
			cut.Value = whole.Value[:n:n]
			object, err := d.Object(&cut)
			if err == nil && !bytes.Equal(object.YAML, want.YAML) || err != nil && !isNamed(err) {
				t.Errorf("%s, %d bytes of %d: %v", whole.Key, n, len(whole.Value), err)
			}
			if _, err := d.Entry(&cut); err != nil && !isNamed(err) {
				t.Errorf("%s, %d bytes: the entry: %v", whole.Key, n, err)
			}
		}
	}
}

// Any byte can be any other.
func TestFlippedValues(t *testing.T) {
	d, r := newDecoder(t, Options{}), rand.New(rand.NewPCG(1, 2))
	for _, whole := range wholes(t) {
		for at := range whole.Value {
			for range 4 {
				flipped := *whole
				flipped.Value = bytes.Clone(whole.Value)
				flipped.Value[at] ^= byte(1 + r.IntN(255))
				object, err := d.Object(&flipped)
				if err != nil && !isNamed(err) || err == nil && (object.Name == "" || len(object.YAML) == 0) {
					t.Errorf("%q: %v", flipped.Value, err)
				}
				if err := d.Learn(&flipped); err != nil && !isNamed(err) {
					t.Errorf("%q: %v", flipped.Value, err)
				}
			}
		}
	}
}

func TestHostileValues(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9000)
	metadata := `"metadata":{"name":"w","namespace":"shop"}`
	for name, c := range map[string]struct {
		key, value string
		want       error
	}{
		"deep":          {"/registry/example.com/widgets/shop/w", `{"apiVersion":"example.com/v1","kind":"Widget",` + metadata + `,"spec":` + deep + "}", nil},
		"too deep":      {"/registry/example.com/widgets/shop/w", `{"apiVersion":"example.com/v1","kind":"Widget",` + metadata + `,"spec":` + strings.Repeat("[", 20000) + "}", ErrDamaged},
		"a key twice":   {"/registry/example.com/widgets/shop/w", `{"apiVersion":"example.com/v1","kind":"Widget",` + metadata + `,"a":1,"a":2}`, ErrDamaged},
		"an array":      {"/registry/example.com/widgets/shop/w", `[{}]`, ErrDamaged},
		"null":          {"/registry/example.com/widgets/shop/w", `null`, ErrDamaged},
		"no type":       {"/registry/example.com/widgets/shop/w", `{` + metadata + `}`, ErrDamaged},
		"another name":  {"/registry/example.com/widgets/shop/x", widget, ErrDamaged},
		"another place": {"/registry/example.com/widgets/w", widget, ErrDamaged},
		"a list":        {"/registry/pods/shop/w", string(wrap("v1", "PodList", within(within([]byte("w"), 1), 1))), ErrDamaged},
		"not stored":    {"/registry/pods/w", string(wrap("v1", "Unheard", within(within([]byte("w"), 1), 1))), ErrUnknownType},
		"an option":     {"/registry/pods/w", string(wrap("v1", "DeleteOptions", within(within([]byte("w"), 1), 1))), ErrDamaged},
		"spec of a CRD": {DefinitionPrefix("") + "w", `{"apiVersion":"apiextensions.k8s.io/v1beta1","kind":"CustomResourceDefinition","metadata":{"name":"w"},` +
			`"spec":{"versions":[1,{"additionalPrinterColumns":[7,{"JSONPath":{}}]}],"conversion":[],"subresources":3}}`, nil},
		"event of numbers": {"/registry/events/w", `{"apiVersion":"v1","kind":"Event","metadata":{"name":"w"},"message":7,"note":"x"}`, nil},
	} {
		object, err := newDecoder(t, Options{}).Object(keyed(c.key, c.value))
		if c.want == nil && (err != nil || object == nil) || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %.300v, want %v", name, err, c.want)
		}
	}
}

func FuzzObject(f *testing.F) {
	for _, whole := range wholes(f) {
		f.Add(string(whole.Key), whole.Value)
	}
	f.Add("/registry/secrets/shop/s", []byte("k8s:enc:aescbc:v1:key1:xxx"))
	f.Add("/registry/newthings/shop/n", []byte(`{"apiVersion":"new.k8s.io/v1","kind":"N","metadata":{"name":"n","namespace":"shop"}}`))
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		d := newDecoder(t, Options{})
		kv := keyed(key, string(value))
		if err := d.Learn(kv); err != nil && !isNamed(err) {
			t.Errorf("learn: %v", err)
		}
		object, err := d.Object(kv)
		entry, other := d.Entry(kv)
		switch {
		case err == nil && other == nil && (object.Key != entry.Key || object.ResourceVersion != "7"):
			t.Errorf("%+v, entry %+v, %v", object.Entry, entry, other)
		case err != nil && !isNamed(err), other != nil && !isNamed(other):
			t.Errorf("%v, %v", err, other)
		}
	})
}
