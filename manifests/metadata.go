package manifests

import (
	"encoding/json"
	"io"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

const protobufType = "application/vnd.kubernetes.protobuf"

// packedMetadataType asks for the metadata of objects in protobuf, which costs the server and the reader half of what JSON
// does, and takes JSON from a server that has no protobuf.
const packedMetadataType = protobufType + ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1," + metadataType

// metadataForm asks for metadata only.
func metadataForm() *form {
	return &form{
		accept: packedMetadataType, firstPage: 1000, pageSize: 4000,
		split:  (*worker).splitMetadata,
		object: (*worker).entry,
	}
}

func (w *worker) splitMetadata(r io.Reader, contentType string, item func(raw []byte) error) (listMeta, error) {
	if w.packed = strings.HasPrefix(contentType, protobufType); !w.packed {
		return w.splitJSON(r, item)
	}
	w.reader.Reset(r)
	defer w.reader.Reset(nil)
	u := unpacker{r: &w.reader, buf: w.buf}
	defer func() { w.buf = u.buf }()
	return u.list(item)
}

// entry reads the entry of an object, without its hash.
func (w *worker) entry(raw []byte, r Resource, _ Level) (*Object, error) {
	read := w.canonicalizer.Entry
	if w.packed {
		read = w.canonicalizer.PackedEntry
	}
	entry, err := read(raw, r)
	return &Object{Entry: entry}, err
}

// flat writes the metadata of a PartialObjectMetadata in protobuf as JSON: what an entry and its class depend on. What each
// manager owns, and when it wrote, is more than half of the metadata and is left out.
type flat struct {
	json []byte
	open protowire.Number // the field of ObjectMeta whose elements are being written
}

// The fields of ObjectMeta that have elements, each of which comes as a field of its own.
const (
	labelsField      = 11
	annotationsField = 12
	ownersField      = 13
	managersField    = 17
)

func (f *flat) write(raw []byte) error {
	f.json, f.open = append(f.json[:0], `{"metadata":{`...), 0
	err := eachField(raw, func(number protowire.Number, value []byte, _ uint64) error {
		if number != 1 {
			return nil
		}
		return eachField(value, f.field)
	})
	f.enter(0)
	f.json = append(f.json, "}}"...)
	return err
}

// field writes one field of ObjectMeta.
func (f *flat) field(number protowire.Number, value []byte, _ uint64) error {
	f.enter(number)
	switch number {
	case 1:
		f.member("name", value)
	case 3:
		f.member("namespace", value)
	case 5:
		f.member("uid", value)
	case 6:
		f.member("resourceVersion", value)
	case 9:
		f.member("deletionTimestamp", []byte("set"))
	case labelsField, annotationsField:
		return f.pair(value)
	case ownersField, managersField:
		return f.element(value)
	}
	return nil
}

// enter ends the elements of one field and begins those of another.
func (f *flat) enter(number protowire.Number) {
	if number == f.open {
		return
	}
	switch f.open {
	case labelsField, annotationsField:
		f.json = append(f.json, '}')
	case ownersField, managersField:
		f.json = append(f.json, ']')
	}
	f.open = number
	switch number {
	case labelsField:
		f.name("labels", "{")
	case annotationsField:
		f.name("annotations", "{")
	case ownersField:
		f.name("ownerReferences", "[")
	case managersField:
		f.name("managedFields", "[")
	}
}

// pair writes an entry of a map.
func (f *flat) pair(raw []byte) error {
	var key, value []byte
	err := eachField(raw, func(number protowire.Number, text []byte, _ uint64) error {
		switch number {
		case 1:
			key = text
		case 2:
			value = text
		}
		return nil
	})
	f.comma()
	f.text(key)
	f.json = append(f.json, ':')
	f.text(value)
	return err
}

// element writes an OwnerReference or a ManagedFieldsEntry.
func (f *flat) element(raw []byte) error {
	f.comma()
	f.json = append(f.json, '{')
	err := eachField(raw, func(number protowire.Number, value []byte, n uint64) error {
		switch {
		case f.open == ownersField && number == 1:
			f.member("kind", value)
		case f.open == ownersField && number == 6 && n == 1:
			f.name("controller", "true")
		case f.open == managersField && number == 1:
			f.member("manager", value)
		case f.open == managersField && number == 8:
			f.member("subresource", value)
		}
		return nil
	})
	f.json = append(f.json, '}')
	return err
}

func (f *flat) member(name string, value []byte) {
	f.name(name, "")
	f.text(value)
}

// name writes the name of a member and how its value begins.
func (f *flat) name(name, begin string) {
	f.comma()
	f.json = append(append(append(append(f.json, '"'), name...), `":`...), begin...)
}

func (f *flat) comma() {
	if last := f.json[len(f.json)-1]; last != '{' && last != '[' {
		f.json = append(f.json, ',')
	}
}

func (f *flat) text(value []byte) {
	for _, c := range value {
		if c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			quoted, _ := json.Marshal(string(value)) // a string is never an error
			f.json = append(f.json, quoted...)
			return
		}
	}
	f.json = append(append(append(f.json, '"'), value...), '"')
}
