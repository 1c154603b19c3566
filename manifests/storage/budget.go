package storage

import (
	"encoding/binary"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// What a value becomes in memory is bounded by its length. Real objects stay far below: TestRealObjectsAreWithinTheBudget.
// The free parts are so large that no value of the 3 MiB that an API server takes, and the 1.5 MiB that etcd takes by
// default (--max-request-bytes), comes near them unless it is made to.
const (
	// freeMemory and perByte are what Go values of an object in protobuf may take, see inspect. A pod has the most for its
	// length: a container that is stored in 60 bytes takes some 900.
	freeMemory = 32 << 20
	perByte    = 4
	// freeItems is how many fields, elements and members any value may have, and perItem the length that one more takes.
	// Where values have no type, an item takes some 100 bytes until its object is made.
	freeItems = 1 << 20
	perItem   = 16
	// largeValue is from where on values are decoded one at a time.
	largeValue = 1 << 20
)

var errDense = errors.New("it has more elements than its length explains")

// countItems holds that a value has no more items than its length explains. Those of protobuf count where they are read.
func countItems(value []byte, e Encoding) error {
	if len(value) <= freeItems { // no item is shorter than a byte
		return nil
	}
	n := 0
	switch e {
	case JSON:
		n = itemsOfJSON(value)
	case CBOR:
		n = itemsOfCBOR(value[len(cborMagic):])
	case Protobuf:
		n = itemsOfMetadata(value)
	}
	if n > freeItems+len(value)/perItem {
		return fmt.Errorf("%w: %d bytes", errDense, len(value))
	}
	return nil
}

// itemsOfJSON counts what makes items: a comma, a colon, and the beginning of a list or a mapping, out of strings.
func itemsOfJSON(text []byte) (n int) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case !quoted && (c == ',' || c == ':' || c == '[' || c == '{'):
			n++
		}
	}
	return n
}

// itemsOfCBOR counts the heads of data items (RFC 8949, 3), up to where they are broken: the decoder finds that as well. What
// is in a list or a mapping comes after its head, so that there is no need to keep track of those.
func itemsOfCBOR(data []byte) (n int) {
	for len(data) > 0 {
		kind, info := data[0]>>5, data[0]&31
		data = data[1:]
		argument := uint64(info)
		if size := 1 << (info - 24); info >= 24 && info <= 27 {
			if len(data) < size {
				return n
			}
			var wide [8]byte
			copy(wide[8-size:], data)
			argument, data = binary.BigEndian.Uint64(wide[:]), data[size:]
		}
		n++
		if text := kind == 2 || kind == 3; text && info != 31 { // 31 is for one in pieces, which are items
			if argument > uint64(len(data)) {
				return n
			}
			data = data[argument:]
		}
	}
	return n
}

// itemsOfMetadata counts the fields of the metadata of an object in protobuf, and those within them: it is read without types.
// What is broken the reader finds.
func itemsOfMetadata(value []byte) (n int) {
	e, err := open(value)
	if err != nil {
		return 0
	}
	_ = fields(e.raw, func(number protowire.Number, meta []byte) error {
		if number != 1 {
			return nil
		}
		return fields(meta, func(_ protowire.Number, field []byte) error {
			n++
			for len(field) > 0 {
				_, _, size := protowire.ConsumeField(field)
				if size < 0 {
					break // it is text
				}
				n, field = n+1, field[size:]
			}
			return nil
		})
	})
	return n
}
