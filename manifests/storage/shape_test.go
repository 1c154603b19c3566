package storage

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
)

// deepest is how far fill goes: newer types have themselves among their fields.
const deepest = 40

// fill sets every field of a value to something, one element in each list and map.
func fill(v reflect.Value, depth int, r *rand.Rand) {
	if k := v.Kind(); depth > deepest && (k == reflect.Pointer || k == reflect.Slice || k == reflect.Map) {
		return
	}
	if v.CanAddr() {
		if text, ok := v.Addr().Interface().(interface{ UnmarshalJSON([]byte) error }); ok {
			for _, sample := range []string{`"5m0s"`, `"2026-01-05T10:30:00Z"`, `"2026-01-05T10:30:00.000001Z"`, `"1500m"`, `{"a":1}`} {
				if text.UnmarshalJSON([]byte(sample)) == nil {
					return
				}
			}
		}
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(1 + r.Int64N(1<<30))
	case reflect.Uint8:
		v.SetUint(65)
	case reflect.Float64:
		v.SetFloat(1.5)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1, r)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), depth+1, r)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, depth+1, r)
		fill(value, depth+1, r)
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), depth+1, r)
			}
		}
	}
}

// marshaler is what generated types are.
type marshaler interface {
	runtime.Object
	Marshal() ([]byte, error)
}

// The scheme's own types know every field that they write, all set: whatever inspect says of one of those would be a lie.
func TestInspectKnowsAllFields(t *testing.T) {
	checked := 0
	for kind, of := range scheme.Scheme.AllKnownTypes() {
		typed, ok := reflect.New(of).Interface().(marshaler)
		if !ok || kind.Version == runtime.APIVersionInternal || strings.HasSuffix(kind.Kind, "List") {
			continue
		}
		fill(reflect.ValueOf(typed).Elem(), 0, rand.New(rand.NewPCG(1, 1)))
		raw, err := typed.Marshal()
		if err != nil {
			t.Errorf("%v: %v", kind, err)
			continue
		}
		if lost, err := inspect(raw, of); err != nil || len(lost) > 0 {
			t.Errorf("%v: of %d bytes %q would be lost, %v", kind, len(raw), lost, err)
		}
		checked++
	}
	if checked < 200 {
		t.Errorf("%d kinds checked, there are some 400", checked)
	}
}

// field42 is a field that no type has.
func field42(value string) []byte {
	return protowire.AppendString(protowire.AppendTag(nil, 42, protowire.BytesType), value)
}

// within wraps a message as fields with these numbers do.
func within(message []byte, numbers ...protowire.Number) []byte {
	for _, n := range slices.Backward(numbers) {
		message = protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), message)
	}
	return message
}

func TestObjectWithFieldsOfNewerKubernetes(t *testing.T) {
	kv := stored(t, "/registry/deployments/shop/web", web)
	whole, err := newDecoder(t, Options{}).Object(kv)
	if err != nil {
		t.Fatal(err)
	}
	e, err := open(kv.Value)
	if err != nil {
		t.Fatal(err)
	}
	for path, more := range map[string][]byte{
		"#42":                            field42("x"),
		"spec.#42":                       within(field42("x"), 2),
		"spec.template.spec.#42":         within(field42("x"), 2, 3, 2),
		"metadata.#42":                   within(field42("x"), 1),
		"spec.selector.matchLabels.#42":  within(append(within([]byte("k"), 1), field42("x")...), 2, 2, 1),
		"metadata.creationTimestamp.#42": within(field42("x"), 1, 8),
		"spec.template.spec.volumes.emptyDir.sizeLimit.#42": within(field42("x"), 2, 3, 2, 1, 2, 2, 2),
	} {
		newer := *kv
		newer.Value = wrap("apps/v1", "Deployment", append(bytes.Clone(e.raw), more...))
		_, err := newDecoder(t, Options{}).Object(&newer)
		var lost *LossyError
		if !errors.As(err, &lost) || !slices.Equal(lost.Fields, []string{path}) {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if path == "#42" && !bytes.Equal(lost.Object.YAML, whole.YAML) || lost.Object.Key != whole.Key {
			t.Errorf("%s: what is left is\n%s", path, lost.Object.YAML)
		}
	}
}

// wrap is what an API server puts around an object.
func wrap(apiVersion, kind string, raw []byte) []byte {
	value := append([]byte(protobufMagic), within(append(within([]byte(apiVersion), 1), within([]byte(kind), 2)...), 1)...)
	return append(value, within(raw, 2)...)
}

// A value of 1 MiB whose elements are empty would take 400 MiB as Go values.
func TestObjectTakesNoMoreMemoryThanItsLengthExplains(t *testing.T) {
	raw := within(append(within([]byte("p"), 1), within([]byte("shop"), 3)...), 1)
	raw = append(raw, within(bytes.Repeat([]byte{0x12, 0}, 1<<19), 2)...) // spec.containers
	kv := stored(t, "/registry/deployments/shop/web", web)
	kv.Key, kv.Value = []byte("/registry/pods/shop/p"), wrap("v1", "Pod", raw)
	_, err := newDecoder(t, Options{}).Object(kv)
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "elements") {
		t.Errorf("%v, want one that says that there are too many elements", err)
	}
}

// nested is a type that holds itself. Kubernetes has none so far.
type nested struct {
	Next *nested `protobuf:"bytes,1,opt,name=next" json:"next"`
}

func (*nested) Unmarshal([]byte) error { return nil }

func TestInspectOfTypeThatHoldsItself(t *testing.T) {
	of := reflect.TypeFor[nested]()
	message := field42("x")
	for range maxDepth {
		message = within(message, 1)
	}
	if lost, err := inspect(message, of); err != nil || len(lost) != 1 || !strings.HasSuffix(lost[0], "next.next.#42") {
		t.Errorf("%q, %v", lost, err)
	}
	if _, err := inspect(within(message, 1), of); err == nil || !strings.Contains(err.Error(), "nested") {
		t.Errorf("%v", err)
	}
}

func TestInspectNamesEachFieldOnceAndNotTooMany(t *testing.T) {
	of := reflect.TypeFor[nested]()
	twice := append(field42("x"), field42("y")...)
	if lost, err := inspect(twice, of); err != nil || !slices.Equal(lost, []string{"#42"}) {
		t.Errorf("%q, %v", lost, err)
	}
	var many []byte
	for n := range protowire.Number(2 * maxPaths) {
		many = append(many, within([]byte("x"), n+42)...)
	}
	if lost, err := inspect(many, of); err != nil || len(lost) != maxPaths {
		t.Errorf("%q, %v", lost, err)
	}
}
