package usage

import (
	"bytes"
	"encoding/binary"
	"iter"
)

// managedFields is how many bytes of a value are metadata.managedFields, and 0 if that can't be seen. Nothing is
// checked but what it takes to find them.
func managedFields(value []byte) int {
	if object, ok := bytes.CutPrefix(value, []byte("k8s\x00")); ok {
		return inProtobuf(object)
	}
	if bytes.HasPrefix(value, []byte("{")) {
		return len(member(member(value, "metadata"), "managedFields"))
	}
	return 0
}

// inProtobuf looks into a runtime.Unknown, whose field 2 is the object, whose field 1 is its metadata, of which field
// 17 comes once for each manager (apimachinery's runtime and meta/v1, generated.proto).
func inProtobuf(unknown []byte) (size int) {
	for number, object := range fields(unknown) {
		if number != 2 {
			continue
		}
		for number, meta := range fields(object) {
			if number != 1 {
				continue
			}
			for number, managed := range fields(meta) {
				if number == 17 {
					size += 2 + varintSize(uint64(len(managed))) + len(managed)
				}
			}
			return size // metadata comes once
		}
	}
	return size
}

// fields yields the fields of a message that are bytes, until its end or the first thing that can't be read.
func fields(message []byte) iter.Seq2[uint64, []byte] {
	return func(yield func(uint64, []byte) bool) {
		for b := message; len(b) > 0; {
			tag, n := binary.Uvarint(b)
			if n <= 0 {
				return
			}
			b = b[n:]
			content, n := field(tag&7, b)
			if n <= 0 || n > len(b) {
				return
			}
			b = b[n:]
			if content != nil && !yield(tag>>3, content) {
				return
			}
		}
	}
}

// field gives the content of a field of bytes, and how long a field of any type is; 0 or less is none. Kubernetes'
// messages have no groups.
func field(wire uint64, b []byte) (content []byte, n int) {
	switch wire {
	case 0:
		_, n = binary.Uvarint(b)
	case 1:
		n = 8
	case 5:
		n = 4
	case 2:
		size, m := binary.Uvarint(b)
		if m <= 0 || size > uint64(len(b)-m) {
			return nil, 0
		}
		n = m + int(size)
		content = b[m:n]
	}
	return content, n
}
