package storage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// unpack writes the JSON that an API server shows for an object in protobuf. The error can be a LossyError, and the JSON is
// there then, too.
func unpack(value []byte, text *bytes.Buffer) error {
	e, err := open(value)
	if err != nil {
		return damaged(err)
	}
	kind := schema.FromAPIVersionAndKind(e.apiVersion, e.kind)
	typed, err := newMessage(kind)
	if err != nil {
		return err
	}
	lost, err := inspect(e.raw, reflect.TypeOf(typed).Elem())
	if err == nil && kind == coreEvent {
		if typed, err = newMessage(listedEvent); err != nil {
			return err
		}
		kind, e.raw = listedEvent, listEvent(e.raw)
	}
	if err == nil {
		err = typed.Unmarshal(e.raw)
	}
	if err != nil {
		return damaged(err)
	}
	typed.GetObjectKind().SetGroupVersionKind(kind)
	if err := json.NewEncoder(text).Encode(typed); err != nil {
		return damaged(err)
	}
	if len(lost) > 0 {
		return &LossyError{Fields: lost}
	}
	return nil
}

// message is an object that can be read from protobuf.
type message interface {
	runtime.Object
	Unmarshal([]byte) error
}

// newMessage makes an empty object of a type.
func newMessage(kind schema.GroupVersionKind) (message, error) {
	typed, err := scheme.Scheme.New(kind)
	m, ok := typed.(message)
	if err != nil || !ok {
		return nil, fmt.Errorf("%w: %.253q, %.253q", ErrUnknownType, kind.GroupVersion(), kind.Kind)
	}
	return m, nil
}

// hasStatus reports whether the API server has a status subresource for the resource of a value: where Kubernetes' own kinds
// have a status it has one, and of custom resources their definition says it.
func (d *Decoder) hasStatus(v *value) bool {
	if t, ok := scheme.Scheme.AllKnownTypes()[schema.FromAPIVersionAndKind(v.meta.APIVersion, v.meta.Kind)]; ok {
		_, ok := t.FieldByName("Status")
		return ok && t.Kind() == reflect.Struct
	}
	r := schema.GroupResource{Group: v.resource.Group, Resource: v.resource.Resource}
	return r == definitions || r == services || d.definitions[r].status[v.resource.Version]
}

// The kinds that API servers within kube-apiserver serve, whose types this package does without.
var (
	definitions = schema.GroupResource{Group: "apiextensions.k8s.io", Resource: "customresourcedefinitions"}
	services    = schema.GroupResource{Group: "apiregistration.k8s.io", Resource: "apiservices"}
)
