package storage

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
)

// serverTakes is what kube-apiserver takes for one request: MaxRequestBodyBytes in pkg/server/config.go of k8s.io/apiserver.
// It is twice of what etcd takes by default.
const serverTakes = 3 << 20

// Of every kind, an object of all its fields that is as large as an API server takes it, and with each list and mapping as
// long as that allows, stays within half of the budget.
func TestRealObjectsAreWithinTheBudget(t *testing.T) {
	var most float64
	var which string
	kinds := 0
	for kind, of := range scheme.Scheme.AllKnownTypes() {
		typed, ok := reflect.New(of).Interface().(marshaler)
		if !ok || kind.Version == runtime.APIVersionInternal || strings.HasSuffix(kind.Kind, "List") {
			continue
		}
		fill(reflect.ValueOf(typed).Elem(), 0, rand.New(rand.NewPCG(1, 1)))
		raw, err := typed.Marshal()
		if err != nil || len(raw) == 0 {
			continue
		}
		in := inspection{memory: 1 << 40}
		if err := in.message(raw, shapeOf(of)); err != nil {
			t.Fatal(err)
		}
		kinds++
		if each := float64(1<<40-in.memory) / float64(len(raw)); each > most {
			most, which = each, kind.String()
		}
	}
	t.Logf("of %d kinds, %s takes the most for a byte: %.1f bytes", kinds, which, most)
	if budget := float64(freeMemory+perByte*serverTakes) / 2; kinds < 200 || most*serverTakes > budget {
		t.Errorf("%d kinds, and an object of %s takes %.0f bytes, of %.0f", kinds, which, most*serverTakes, budget)
	}
	// A pod has the largest elements: a thousand containers with nothing but a name and an image.
	small := within(append(within([]byte("container-100"), 1), within([]byte("img"), 2)...), 2)
	if _, err := newDecoder(t, Options{}).Object(podOf(bytes.Repeat(small, 1000))); err != nil {
		t.Error(err)
	}
	// A custom resource has some ten bytes of JSON for an item, and no more than three in numbers alone.
	for _, unit := range []string{`{"phase":"Succeeded","n":1},`, "10,"} {
		if _, err := newDecoder(t, Options{}).Object(widgetOf("[" + strings.Repeat(unit, serverTakes/len(unit)) + "1]")); err != nil {
			t.Errorf("%s: %v", unit, err)
		}
	}
}

func podOf(spec []byte) *mvccpb.KeyValue {
	meta := within(append(within([]byte("w"), 1), within([]byte("shop"), 3)...), 1)
	return keyed("/registry/pods/shop/w", string(wrap("v1", "Pod", append(meta, within(spec, 2)...))))
}

// widgetOf is a custom resource with such a spec, in JSON.
func widgetOf(spec string) *mvccpb.KeyValue {
	return keyed("/registry/example.com/widgets/shop/w", fmt.Sprintf(
		`{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w","namespace":"shop"},"spec":%s}`, spec))
}

// Each way to write items is counted as it is.
func TestCountItems(t *testing.T) {
	for text, want := range map[string]int{
		`{}`: 1, `{"a":1,"b":[]}`: 5, `[1,2]`: 2, `"[,:{"`: 0, `"\\\"[",["\\"]`: 2, "": 0, `"`: 0, `"\`: 0,
	} {
		if got := itemsOfJSON([]byte(text)); got != want {
			t.Errorf("%s has %d items, want %d", text, got, want)
		}
	}
	cbor := func(object string) string { return string(inCBOR(t, object))[len(cborMagic):] }
	for data, want := range map[string]int{
		cbor(`{}`): 1, cbor(`{"a":1,"b":[]}`): 5, cbor(`{"a":[1000,100000,"text",1.5,null,{"b":true}]}`): 11,
		"\x5f\x41a\xff": 3, "": 0, "\x1b\x00": 0, "\x7b\xff\xff\xff\xff\xff\xff\xff\xff": 1, "\x82\xc1\x01\x02": 4,
	} {
		if got := itemsOfCBOR([]byte(data)); got != want {
			t.Errorf("%x has %d items, want %d", data, got, want)
		}
	}
	pair := within(append(within([]byte("k"), 1), within([]byte("v"), 2)...), 11)
	meta := slices.Concat(within([]byte("w"), 1), pair, pair, within(nil, 17))
	value := wrap("v1", "Pod", slices.Concat(within(meta, 1), within(bytes.Repeat([]byte{0x12, 0}, 100), 2)))
	if got := itemsOfMetadata(value); got != 8 && got != 9 { // a name can be read as a field
		t.Errorf("the metadata has %d items", got)
	}
	for _, broken := range []string{protobufMagic, protobufMagic + "\x12\x7f", protobufMagic + "\x12\x02\x0a\x7f"} {
		if got := itemsOfMetadata([]byte(broken)); got != 0 {
			t.Errorf("%x has %d items", broken, got)
		}
	}
}

// Whatever a value is written in, it may not have more items than its length explains, and small ones may have any.
func TestTooManyItems(t *testing.T) {
	list := func(n int) string { return "[" + strings.Repeat("1,", n-1) + "1]" }
	over := freeItems + freeItems/2
	managers := wrap("v1", "ConfigMap", within(slices.Concat(within([]byte("w"), 1), within([]byte("shop"), 3),
		bytes.Repeat([]byte{0x8a, 1, 0}, over)), 1))
	ofCBOR := append(inCBOR(t, widget), bytes.Repeat([]byte{1}, over)...) // which is not read so far
	for name, kv := range map[string]*mvccpb.KeyValue{
		"json": widgetOf(list(over)), "managed fields": keyed("/registry/configmaps/shop/w", string(managers)),
		"cbor": keyed("/registry/example.com/widgets/shop/w", string(ofCBOR)),
	} {
		d := newDecoder(t, Options{})
		_, err := d.Object(kv)
		_, other := d.Entry(kv)
		_, last := ReadMeta(kv.Value)
		for _, err := range []error{err, other, last} {
			if !errors.Is(err, ErrDamaged) || !errors.Is(err, errDense) {
				t.Errorf("%s: %.200v", name, err)
			}
		}
	}
	if _, err := newDecoder(t, Options{}).Object(widgetOf(list(freeItems / 2))); err != nil {
		t.Error(err)
	}
}

func FuzzItems(f *testing.F) {
	for _, whole := range wholes(f) {
		f.Add(whole.Value)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		for _, n := range []int{itemsOfJSON(value), itemsOfCBOR(value)} {
			if n > len(value) {
				t.Errorf("%d items in %d bytes", n, len(value))
			}
		}
		if bytes.HasPrefix(value, []byte(protobufMagic)) && itemsOfMetadata(value) > len(value) {
			t.Errorf("%d items in %d bytes", itemsOfMetadata(value), len(value))
		}
	})
}
