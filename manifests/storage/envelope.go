package storage

import (
	"bytes"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

const (
	// protobufMagic is what objects in protobuf begin with: k8s.io/apimachinery/pkg/runtime/serializer/protobuf.
	protobufMagic = "k8s\x00"
	// cborMagic is the tag of self-described CBOR (RFC 8949, 3.4.6): k8s.io/apimachinery/pkg/runtime/serializer/cbor.
	cborMagic = "\xd9\xd9\xf7"
	// maxValue bounds one value. Etcd takes requests of 1.5 MiB by default, and of 10 MiB at most before it warns.
	maxValue = 16 << 20
)

// envelope is a runtime.Unknown: what type the object is of, and the object.
type envelope struct {
	apiVersion, kind string
	raw              []byte // of the value
}

// open takes the wrapping off a value that begins with protobufMagic.
func open(value []byte) (e envelope, err error) {
	err = fields(value[len(protobufMagic):], func(number protowire.Number, text []byte) error {
		switch number {
		case 1:
			return fields(text, func(number protowire.Number, text []byte) error {
				switch number {
				case 1:
					e.apiVersion = string(text)
				case 2:
					e.kind = string(text)
				}
				return nil
			})
		case 2:
			e.raw = text
		case 3:
			if len(text) > 0 {
				return errors.New("its content has an encoding of its own")
			}
		case 4: // the content type, which no API server sets
		default:
			return fmt.Errorf("its wrapping has a field %d that is not known", number)
		}
		return nil
	})
	return e, err
}

// fields reads the fields of a message that have a length, and passes the others over.
func fields(message []byte, read func(number protowire.Number, value []byte) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		var value []byte
		if kind == protowire.BytesType {
			value, n = protowire.ConsumeBytes(message)
		} else {
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		if kind != protowire.BytesType {
			continue
		}
		if err := read(number, value); err != nil {
			return err
		}
	}
	return nil
}

// isJSON reports whether a value is a JSON object, as kube-apiserver writes one.
func isJSON(value []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(value, " \t\r\n"), []byte("{")) }
