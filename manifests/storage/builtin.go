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
	typeTemplates(typed)
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

// typeTemplates gives the claims of a StatefulSet their type, which API servers show and protobuf has no place for
// (pkg/apis/apps/v1/conversion.go of kubernetes/kubernetes).
func typeTemplates(typed message) {
	spec := reflect.ValueOf(typed).Elem().FieldByName("Spec")
	if spec.Kind() != reflect.Struct {
		return
	}
	claims := spec.FieldByName("VolumeClaimTemplates")
	if !claims.IsValid() {
		return
	}
	for i := range claims.Len() {
		if claim, ok := claims.Index(i).Addr().Interface().(runtime.Object); ok {
			claim.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: "PersistentVolumeClaim"})
		}
	}
}

// learnStatus says whether the API server has a status subresource for the resource of a value: of Kubernetes' own kinds those
// have one that have a status, and of custom resources their definition says it.
func (d *Decoder) learnStatus(v *value) {
	kind := schema.FromAPIVersionAndKind(v.meta.APIVersion, v.meta.Kind)
	r := schema.GroupResource{Group: v.resource.Group, Resource: v.resource.Resource}
	known, learned := d.definitions[r]
	switch {
	case scheme.Scheme.Recognizes(kind):
		v.resource.Status = typeHasStatus(kind)
	case r == definitions || r == services:
		v.resource.Status = true
	case learned:
		v.resource.Status = known.status[v.resource.Version]
	default:
		v.orphan = v.meta.Encoding != Protobuf
	}
}

// The kinds that API servers within kube-apiserver serve, whose types this package does without.
var (
	definitions = schema.GroupResource{Group: "apiextensions.k8s.io", Resource: "customresourcedefinitions"}
	services    = schema.GroupResource{Group: "apiregistration.k8s.io", Resource: "apiservices"}
)
