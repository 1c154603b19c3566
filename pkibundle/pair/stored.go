package pair

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// stored is what is read of a ConfigMap or a Secret.
type stored struct {
	kind string            // the type of a Secret
	data map[string][]byte // of what is looked at; parts of the value, or copies
}

var (
	errBroken = errors.New("it cannot be decoded")
	errForm   = errors.New("it is in a form that is not read here, neither protobuf nor JSON")
)

// wanted are the keys that are looked at in any data, so that hostile values have no others kept.
var wanted = map[string]bool{infoKey: true, clientKey: true, headerKey: true, kubeadmKey: true, rootKey: true, "token": true}

// protobuf begins objects as kube-apiserver stores them by default (k8s.io/apimachinery/pkg/runtime/serializer/protobuf).
const protobuf = "k8s\x00"

// decode reads a ConfigMap or Secret of v1, unless err says why it could not be decrypted. Nothing of the value is in
// an error.
func decode(value []byte, err error, kind string) (stored, error) {
	if err != nil {
		return stored{}, fmt.Errorf("it cannot be decrypted: %w", err)
	}
	if message, ok := bytes.CutPrefix(value, []byte(protobuf)); ok {
		return decodeProtobuf(message, kind)
	}
	if bytes.HasPrefix(value, []byte("{")) {
		return decodeJSON(value, kind)
	}
	return stored{}, errForm
}

// decodeProtobuf reads a runtime.Unknown{typeMeta = 1 {apiVersion = 1, kind = 2}, raw = 2, contentEncoding = 3} and
// in it a ConfigMap{data = 2} or Secret{data = 2, type = 3} (generated.proto in k8s.io/apimachinery/pkg/runtime and
// k8s.io/api/core/v1).
func decodeProtobuf(message []byte, kind string) (stored, error) {
	unknown, err := fields(message, 4)
	if err != nil {
		return stored{}, err
	}
	meta, err := fields(unknown[1], 3)
	if err != nil {
		return stored{}, err
	}
	if len(unknown[3]) > 0 {
		return stored{}, errForm
	}
	if string(meta[1]) != "v1" || string(meta[2]) != kind {
		return stored{}, fmt.Errorf("it is no %s of v1", kind)
	}
	s := stored{data: map[string][]byte{}}
	err = each(unknown[2], func(number protowire.Number, field []byte) error {
		switch {
		case number == 2:
			entry, err := fields(field, 3)
			if wanted[string(entry[1])] {
				s.data[string(entry[1])] = entry[2]
			}
			return err
		case number == 3 && kind == "Secret":
			s.kind = string(field)
		}
		return nil
	})
	return s, err
}

// fields gives those of a message that have a length, by their numbers below n. The last of one number counts.
func fields(message []byte, n int) ([][]byte, error) {
	found := make([][]byte, n)
	err := each(message, func(number protowire.Number, field []byte) error {
		if int(number) < n {
			found[number] = field
		}
		return nil
	})
	return found, err
}

// each visits the fields of a message that have a length.
func each(message []byte, visit func(protowire.Number, []byte) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return errBroken
		}
		message = message[n:]
		if kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
				return errBroken
			}
			message = message[n:]
			continue
		}
		field, n := protowire.ConsumeBytes(message)
		if n < 0 {
			return errBroken
		}
		if err := visit(number, field); err != nil {
			return err
		}
		message = message[n:]
	}
	return nil
}

// decodeJSON reads what kube-apiserver stores with --storage-media-type=application/json.
func decodeJSON(value []byte, kind string) (stored, error) {
	var object struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Type       string            `json:"type"`
		Data       map[string]string `json:"data"`
	}
	if json.Unmarshal(value, &object) != nil { // its error may show a value
		return stored{}, errBroken
	}
	if object.APIVersion != "v1" || object.Kind != kind {
		return stored{}, fmt.Errorf("it is no %s of v1", kind)
	}
	s := stored{kind: object.Type, data: map[string][]byte{}}
	for key, text := range object.Data {
		if !wanted[key] {
			continue
		}
		s.data[key] = []byte(text)
		if kind == "Secret" {
			data, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return stored{}, errBroken
			}
			s.data[key] = data
		}
	}
	return s, nil
}

// printable is a name of the snapshot as it can stand in a sentence: anything but a plain name is quoted. Of a longer one
// nothing else is kept.
func printable(name string) string {
	name = strings.Clone(name[:min(len(name), 200)])
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` {
		return quoted
	}
	return name
}
