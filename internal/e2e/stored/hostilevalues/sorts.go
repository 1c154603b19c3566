package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/protobuf/encoding/protowire"
)

// size is that of each value, nearly: no reader takes more.
const size = 16<<20 - 1<<13

// sort makes values of elements that are short, and of much text.
type sort struct {
	key string
	// fits is how much of a value may be elements, so that it is just taken.
	fits float64
	// element appends one, by its number.
	element func(to []byte, i int) []byte
	// wrap makes a value of the elements and the text.
	wrap func(elements, text []byte) []byte
}

// kv gives a value of which so much is elements.
func (s sort) kv(part float64) *mvccpb.KeyValue {
	length := int(part * size)
	elements := make([]byte, 0, length+64)
	for i := 0; len(elements) < length; i++ {
		elements = s.element(elements, i)
	}
	return &mvccpb.KeyValue{Key: []byte(s.key), Value: s.wrap(elements, filler[:max(0, size-len(elements))]), ModRevision: 1}
}

// filler is the text.
var filler = bytes.Repeat([]byte("x"), size)

const (
	custom     = "/registry/example.com/widgets/shop/w"
	definition = "/registry/apiextensions.k8s.io/customresourcedefinitions/w"
	configMap  = "/registry/configmaps/shop/w"
	pod        = "/registry/pods/shop/w"
	head       = `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w","namespace":"shop"`
	headOfCRD  = `{"apiVersion":"apiextensions.k8s.io/v1beta1","kind":"CustomResourceDefinition","metadata":{"name":"w"`
)

var sorts = []sort{
	{custom, 0.242, same("1,"), inJSON(head+`},"spec":[`, "1]")},
	{custom, 0.182, same("{},"), inJSON(head+`},"spec":[`, "1]")},
	{custom, 0.6, numbered(`"%x":1,`), inJSON(head+`},"spec":{`, `"z":1}`)},
	{custom, 0.661, numbered(`"%x":"",`), inJSON(head+`,"labels":{`, `"z":""}},"spec":{}`)},
	{custom, 0.182, same("{},"), inJSON(head+`,"managedFields":[`, `{}]},"spec":{}`)},
	{definition, 0.182, same("[],"), inJSON(headOfCRD+`},"spec":[`, "1]")},
	{custom, 0.121, ones, inCBOR},
	{pod, 0.053, message(2), inProtobuf("v1", "Pod", 2)}, // containers
	{configMap, 0.843, pair(2), inProtobuf("v1", "ConfigMap", 0)},
	{configMap, 0.54, pair(11), inProtobuf("v1", "ConfigMap", 1)},     // labels
	{configMap, 0.303, message(17), inProtobuf("v1", "ConfigMap", 1)}, // managedFields
}

func same(text string) func([]byte, int) []byte {
	return func(to []byte, _ int) []byte { return append(to, text...) }
}

func numbered(format string) func([]byte, int) []byte {
	return func(to []byte, i int) []byte { return fmt.Appendf(to, format, i) }
}

// message makes fields that are messages with an empty text.
func message(number protowire.Number) func([]byte, int) []byte {
	return func(to []byte, _ int) []byte { return field(to, number, []byte{1<<3 | 2, 0}) }
}

// pair makes entries of a map, with a key alone.
func pair(number protowire.Number) func([]byte, int) []byte {
	return func(to []byte, i int) []byte {
		key := fmt.Sprintf("%x", i)
		return append(append(protowire.AppendTag(to, number, protowire.BytesType), byte(2+len(key)), 1<<3|2, byte(len(key))), key...)
	}
}

// ones are numbers in CBOR, in lists, as a reader takes no more than 1024 in one.
func ones(to []byte, i int) []byte {
	if i%1024 == 0 {
		to = append(to, 4<<5|25, 4, 0)
	}
	return append(to, 1)
}

func field(to []byte, number protowire.Number, text []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(to, number, protowire.BytesType), text)
}

func inJSON(begin, end string) func(elements, text []byte) []byte {
	return func(elements, text []byte) []byte {
		return slices.Concat([]byte(begin), elements, []byte(end+`,"text":"`), text, []byte(`"}`))
	}
}

// inProtobuf makes an object of the elements, which are fields of the message of a number in it, or of its own. The text is
// an annotation.
func inProtobuf(apiVersion, kind string, within protowire.Number) func(elements, text []byte) []byte {
	return func(elements, text []byte) []byte {
		meta := slices.Concat(field(field(nil, 1, []byte("w")), 3, []byte("shop")), []byte{12<<3 | 2})
		meta = append(protowire.AppendVarint(meta, uint64(3+1+sizeOf(text))), 1<<3|2, 1, 'a')
		meta = protowire.AppendBytes(append(meta, 2<<3|2), text)
		if within == 1 {
			meta = append(meta, elements...)
		}
		raw := field(nil, 1, meta)
		switch within {
		case 0:
			raw = append(raw, elements...)
		case 1:
		default:
			raw = field(raw, within, elements)
		}
		value := field([]byte("k8s\x00"), 1, field(field(nil, 1, []byte(apiVersion)), 2, []byte(kind)))
		return field(value, 2, raw)
	}
}

// sizeOf is how long a text is with its length before it.
func sizeOf(text []byte) int { return protowire.SizeBytes(len(text)) }

// inCBOR puts the lists of elements into lists of as many.
func inCBOR(elements, text []byte) []byte {
	const list = 3 + 1024
	elements = elements[:len(elements)/list*list]
	spec := []byte{4<<5 | 24, byte((len(elements)/list + 1023) / 1024)}
	for from := 0; from < len(elements); from += 1024 * list {
		part := elements[from:min(from+1024*list, len(elements))]
		spec = append(binary.BigEndian.AppendUint16(append(spec, 4<<5|25), uint16(len(part)/list)), part...)
	}
	word := func(to, s []byte) []byte {
		return append(binary.BigEndian.AppendUint32(append(to, 3<<5|26), uint32(len(s))), s...)
	}
	value := []byte("\xd9\xd9\xf7\xa5") // a mapping of five
	for _, s := range []string{"apiVersion", "example.com/v1", "kind", "Widget", "metadata"} {
		value = word(value, []byte(s))
	}
	value = append(value, 0xa2)
	for _, s := range []string{"name", "w", "namespace", "shop"} {
		value = word(value, []byte(s))
	}
	value = append(word(value, []byte("spec")), spec...)
	return word(word(value, []byte("text")), text)
}
