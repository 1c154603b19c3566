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
		definitionKV(t, "v1beta1", "  version: v1\n  additionalPrinterColumns: [{name: a, JSONPath: .a}]\n"),
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
	const (
		at       = "/registry/example.com/widgets/shop/w"
		head     = `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w","namespace":"shop"},`
		crd      = `{"apiVersion":"apiextensions.k8s.io/v1beta1","kind":"CustomResourceDefinition","metadata":{"name":"w"},`
		event    = `{"apiVersion":"v1","kind":"Event","metadata":{"name":"w"},"message":7,"note":"x"}`
		versions = `"spec":{"versions":[1,{"additionalPrinterColumns":[7,{"JSONPath":{}}]}],"conversion":[],"subresources":3}}`
	)
	named := func(apiVersion, kind string) string {
		return string(wrap(apiVersion, kind, within(within([]byte("w"), 1), 1)))
	}
	for name, c := range map[string]struct {
		key, value string
		want       error
	}{
		"deep":             {at, head + `"spec":` + deep + "}", nil},
		"too deep":         {at, head + `"spec":` + strings.Repeat("[", 20000) + "}", ErrDamaged},
		"a key twice":      {at, head + `"a":1,"a":2}`, ErrDamaged},
		"an array":         {at, `[{}]`, ErrDamaged},
		"null":             {at, `null`, ErrDamaged},
		"no type":          {at, `{"metadata":{"name":"w","namespace":"shop"}}`, ErrDamaged},
		"another name":     {"/registry/example.com/widgets/shop/x", widget, ErrDamaged},
		"another place":    {"/registry/example.com/widgets/w", widget, ErrDamaged},
		"a list":           {"/registry/pods/shop/w", named("v1", "PodList"), ErrDamaged},
		"not stored":       {"/registry/pods/w", named("v1", "Unheard"), ErrUnknownType},
		"an option":        {"/registry/pods/w", named("v1", "DeleteOptions"), ErrDamaged},
		"no definition":    {DefinitionPrefix("") + "w", crd + versions, nil},
		"event of numbers": {"/registry/events/w", event, nil},
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
	f.Add("/registry/newthings/shop/n", []byte(newThing))
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
