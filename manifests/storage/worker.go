package storage

import (
	"bytes"
	"encoding/json"
	"errors"

	"k8s.io/apimachinery/pkg/runtime/serializer/cbor/direct"

	"github.com/clustersnap/clustersnap/manifests"
)

// worker decodes one value after the other, and keeps its buffers.
type worker struct {
	canonicalizer manifests.Canonicalizer
	text          bytes.Buffer
}

// maxKept is how much of a buffer is kept for the next value.
const maxKept = 1 << 20

// object decodes a value. The result is good until the next call.
func (w *worker) object(v value, level manifests.Level) (*manifests.Object, error) {
	text, err := w.json(v)
	var lost *LossyError
	if err != nil && !errors.As(err, &lost) {
		return nil, err
	}
	object, err := w.canonicalizer.Object(text, v.resource, level)
	if err != nil {
		return nil, damaged(err)
	}
	object.ResourceVersion = v.at
	if lost != nil {
		alone := *object
		lost.Object = &alone
		return nil, lost
	}
	return object, nil
}

// json gives what an API server shows.
func (w *worker) json(v value) ([]byte, error) {
	if w.text.Cap() > maxKept {
		w.text = bytes.Buffer{}
	}
	w.text.Reset()
	switch {
	case v.meta.Encoding == Protobuf:
		err := unpack(v.plain, &w.text)
		return w.text.Bytes(), err
	case v.meta.Encoding == CBOR:
		return jsonOfCBOR(v.plain)
	case v.isDefinition():
		return listDefinition(v.plain)
	case v.meta.APIVersion == coreEvent.Version && v.meta.Kind == coreEvent.Kind:
		return listEventJSON(v.plain)
	}
	return v.plain, nil
}

// isDefinition reports whether a value is a definition of a custom resource in the version that is only stored.
func (v *value) isDefinition() bool {
	return v.resource.Group == definitions.Group && v.resource.Resource == definitions.Resource &&
		v.meta.Encoding == JSON && v.meta.APIVersion == definitions.Group+"/"+definitionStored
}

// entry is that of a value, without its hash.
func (w *worker) entry(v value) (entry manifests.Entry, err error) {
	switch text := v.plain; v.meta.Encoding {
	case Protobuf:
		var e envelope
		if e, err = open(text); err == nil {
			entry, err = w.canonicalizer.PackedEntry(e.raw, v.resource)
		}
	case CBOR:
		if text, err = jsonOfCBOR(text); err == nil {
			entry, err = w.canonicalizer.Entry(text, v.resource)
		}
	default:
		entry, err = w.canonicalizer.Entry(text, v.resource)
	}
	if err != nil {
		return entry, damaged(err)
	}
	return entry, nil
}

// jsonOfCBOR writes an object in CBOR as JSON.
func jsonOfCBOR(value []byte) ([]byte, error) {
	var object map[string]any
	err := direct.Unmarshal(value, &object)
	if err == nil {
		value, err = json.Marshal(object)
	}
	if err != nil {
		return nil, damaged(err)
	}
	return value, nil
}
