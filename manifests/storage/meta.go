package storage

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"k8s.io/apimachinery/pkg/util/json"

	"github.com/clustersnap/clustersnap/internal/atrest"
)

// Encoding is how a value is written.
type Encoding string

const (
	Protobuf  Encoding = "protobuf"  // Kubernetes' own kinds
	JSON      Encoding = "json"      // custom resources, their definitions, APIServices
	CBOR      Encoding = "cbor"      // custom resources where that feature is on (KEP-4222)
	Encrypted Encoding = "encrypted" // by kube-apiserver, before etcd has seen it
	Opaque    Encoding = "opaque"    // none of these
)

// Meta is what a value tells without a type scheme. Fields are empty that it does not tell.
type Meta struct {
	APIVersion, Kind     string // as stored
	Namespace, Name, UID string
	Encoding             Encoding
	// Cipher says what an Encrypted value was encrypted with, such as `aescbc with key "k1"` or `kms:v2 "vault"`.
	Cipher string
}

// ReadMeta reads what a value tells of itself. It needs no types: ObjectMeta is the first field of every kind. A value that
// is encrypted, or in no encoding of kube-apiserver's, is no error. One that is in such an encoding and broken is
// [ErrDamaged]. What was read up to there comes with it.
func ReadMeta(value []byte) (Meta, error) {
	m, _, err := readMeta(value)
	return m, err
}

// head is the metadata that is read of an object.
type head struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Namespace string            `json:"namespace"`
		Name      string            `json:"name"`
		UID       string            `json:"uid"`
		Labels    map[string]string `json:"labels"`
	} `json:"metadata"`
}

// readMeta is ReadMeta, and gives the labels.
func readMeta(value []byte) (Meta, map[string]string, error) {
	var h head
	m := Meta{Encoding: encodingOf(value)}
	if len(value) > maxValue {
		return m, nil, damaged(fmt.Errorf("it has %d bytes, of at most %d", len(value), maxValue))
	}
	err := countItems(value, m.Encoding)
	if err != nil {
		return m, nil, damaged(err)
	}
	switch m.Encoding {
	case Encrypted:
		m.Cipher = cipher(value)
		return m, nil, nil
	case Protobuf:
		err = h.unpack(value)
	case JSON:
		err = json.Unmarshal(value, &h)
	case CBOR:
		err = h.ofCBOR(value)
	}
	if err != nil {
		err = damaged(err)
	}
	m.APIVersion, m.Kind = h.APIVersion, h.Kind
	m.Namespace, m.Name, m.UID = h.Metadata.Namespace, h.Metadata.Name, h.Metadata.UID
	return m, h.Metadata.Labels, err
}

// ofCBOR reads a value in CBOR, whose decoder takes no struct that knows less than the value has.
func (h *head) ofCBOR(value []byte) error {
	text, err := jsonOfCBOR(value)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, h)
}

func encodingOf(value []byte) Encoding {
	switch {
	case bytes.HasPrefix(value, []byte(protobufMagic)):
		return Protobuf
	case bytes.HasPrefix(value, []byte(cborMagic)):
		return CBOR
	case isJSON(value):
		return JSON
	}
	if _, ok := atrest.PrefixOf(value); ok {
		return Encrypted
	}
	return Opaque
}

// cipher says what a value was encrypted with.
func cipher(value []byte) string {
	p, _ := atrest.PrefixOf(value)
	switch p.Kind {
	case "":
		return "a provider that is not known"
	case "kms:v1", "kms:v2":
		return fmt.Sprintf("%s %.63q", p.Kind, p.Key)
	default:
		return fmt.Sprintf("%s with key %.63q", p.Kind, p.Key)
	}
}

// unpack reads a value in protobuf. The numbers of ObjectMeta's fields are from generated.proto of
// k8s.io/apimachinery/pkg/apis/meta/v1.
func (h *head) unpack(value []byte) error {
	e, err := open(value)
	h.APIVersion, h.Kind = e.apiVersion, e.kind
	if err != nil {
		return err
	}
	return fields(e.raw, func(number protowire.Number, meta []byte) error {
		if number != 1 {
			return nil
		}
		return fields(meta, h.unpackMeta)
	})
}

func (h *head) unpackMeta(number protowire.Number, text []byte) error {
	var into *string
	switch number {
	case 1:
		into = &h.Metadata.Name
	case 3:
		into = &h.Metadata.Namespace
	case 5:
		into = &h.Metadata.UID
	case 11:
		return h.unpackLabel(text)
	default:
		return nil
	}
	if !utf8.Valid(text) {
		return fmt.Errorf("field %d of its metadata is not UTF-8", number)
	}
	*into = string(text)
	return nil
}

func (h *head) unpackLabel(pair []byte) error {
	var key, label string
	err := fields(pair, func(number protowire.Number, text []byte) error {
		switch number {
		case 1:
			key = string(text)
		case 2:
			label = string(text)
		}
		return nil
	})
	if h.Metadata.Labels == nil {
		h.Metadata.Labels = map[string]string{}
	}
	h.Metadata.Labels[key] = label
	return err
}
