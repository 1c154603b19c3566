package storage

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// shape is what a Go type knows of a message in protobuf.
type shape struct{ fields map[protowire.Number]known }

// known is a field that a type knows.
type known struct {
	name string
	size int    // how much memory each one takes, about
	of   *shape // of a message; nil for what has no fields
}

// shapes are those of types that were met.
var shapes sync.Map // reflect.Type to *shape

// shapeOf reads the shape of a type from the tags that its Go code was generated with.
func shapeOf(t reflect.Type) *shape {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape)
	}
	s := build(t, map[reflect.Type]*shape{})
	shapes.Store(t, s)
	return s
}

// build is shapeOf, and knows the types that it is within, as a type can hold itself.
func build(t reflect.Type, within map[reflect.Type]*shape) *shape {
	if s, ok := within[t]; ok {
		return s
	}
	if numbers, ok := byHand[t]; ok {
		return leaves(numbers...)
	}
	if t.Kind() == reflect.Slice { // a list with a message of its own around it, as ExtraValue
		return leaves(1)
	}
	s := &shape{map[protowire.Number]known{}}
	within[t] = s
	for i := range t.NumField() {
		f := t.Field(i)
		parts := strings.Split(f.Tag.Get("protobuf"), ",")
		if len(parts) < 2 {
			continue
		}
		number, err := strconv.Atoi(parts[1])
		if err != nil {
			continue
		}
		s.fields[protowire.Number(number)] = field(nameOf(f), f.Type, within)
	}
	return s
}

// byHand are types whose code is not generated: pkg/api/resource and pkg/apis/meta/v1 of k8s.io/apimachinery.
var byHand = map[reflect.Type][]protowire.Number{
	reflect.TypeFor[resource.Quantity](): {1},
	reflect.TypeFor[metav1.Duration]():   {1},
	reflect.TypeFor[metav1.Time]():       {1, 2},
	reflect.TypeFor[metav1.MicroTime]():  {1, 2},
}

func leaves(numbers ...protowire.Number) *shape {
	s := &shape{map[protowire.Number]known{}}
	for _, n := range numbers {
		s.fields[n] = known{name: "#" + strconv.Itoa(int(n)), size: 16}
	}
	return s
}

// nameOf is what a field is called in JSON. Embedded ones have no name there.
func nameOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// field is what a type knows of a field of its own.
func field(name string, t reflect.Type, within map[reflect.Type]*shape) known {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice && !isMessage(t) {
		t = t.Elem()
	}
	k := known{name: name, size: int(t.Size())}
	switch {
	case t.Kind() == reflect.Map:
		k.size = int(t.Key().Size()+t.Elem().Size()) + mapped
		k.of = &shape{map[protowire.Number]known{1: {name: "key"}, 2: field("value", t.Elem(), within)}}
	case isMessage(t):
		k.of = build(t, within)
	}
	return k
}

// mapped is what an entry of a map takes beside itself, about.
const mapped = 32

// isMessage reports whether values of a type are written as messages.
func isMessage(t reflect.Type) bool {
	_, ok := reflect.PointerTo(t).MethodByName("Unmarshal")
	return ok
}

const (
	maxDepth = 64 // of messages in each other: Kubernetes' own go to about 20
	maxPaths = 16 // of fields that are not known, that are named
)

// inspection looks through a message for what its type does not know, before it is decoded: those that know less drop
// the rest without a word.
type inspection struct {
	path   []string
	memory int      // that may still be taken
	lost   []string // paths
}

// inspect gives the paths of fields that a type does not know. An error is for a message that is broken, or that would take
// far more memory than its length explains, as lists of empty elements do.
func inspect(message []byte, t reflect.Type) ([]string, error) {
	in := inspection{memory: freeMemory + perByte*len(message)}
	err := in.message(message, shapeOf(t))
	return in.lost, err
}

func (in *inspection) message(message []byte, s *shape) error {
	if len(in.path) > maxDepth {
		return errors.New("its messages are nested too deeply")
	}
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		f, ok := s.fields[number]
		if !ok {
			in.miss(number)
		}
		if in.memory -= f.size; in.memory < 0 {
			return errDense
		}
		if kind != protowire.BytesType {
			n = protowire.ConsumeFieldValue(number, kind, message)
		} else {
			var value []byte
			if value, n = protowire.ConsumeBytes(message); n >= 0 && f.of != nil {
				in.path = append(in.path, f.name)
				if err := in.message(value, f.of); err != nil {
					return err
				}
				in.path = in.path[:len(in.path)-1]
			}
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
	}
	return nil
}

// miss remembers a field that is not known.
func (in *inspection) miss(number protowire.Number) {
	path := ""
	for _, name := range in.path {
		if name != "" {
			path += name + "."
		}
	}
	path += fmt.Sprintf("#%d", number)
	if len(in.lost) < maxPaths && !slices.Contains(in.lost, path) {
		in.lost = append(in.lost, path)
	}
}
