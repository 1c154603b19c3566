package manifests

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// magic is what objects in protobuf begin with: k8s.io/apimachinery/pkg/runtime/serializer/protobuf.
const magic = "k8s\x00"

// unpacker reads a PartialObjectMetadataList while it arrives. The numbers of its fields are from generated.proto of
// k8s.io/apimachinery/pkg/runtime (Unknown, which wraps it) and pkg/apis/meta/v1.
type unpacker struct {
	r    *bufio.Reader
	left int64 // of the message that is being read
	buf  []byte
}

// list reads a whole list and hands each item to item, valid until it returns.
func (u *unpacker) list(item func(raw []byte) error) (listMeta, error) {
	meta, err := u.unknown(item)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return listMeta{}, fmt.Errorf("read list: %w", err)
	}
	return meta, nil
}

// unknown reads the wrapping. It goes to the end of the answer, so that its length is not known.
func (u *unpacker) unknown(item func(raw []byte) error) (meta listMeta, err error) {
	begin := make([]byte, len(magic))
	if _, err := io.ReadFull(u.r, begin); err != nil {
		return meta, err
	}
	if string(begin) != magic {
		return meta, errors.New("the answer is no object in protobuf")
	}
	for lists := 0; ; {
		if _, err := u.r.Peek(1); err == io.EOF && lists == 1 {
			return meta, nil
		}
		u.left = maxItem // a tag is no longer, and what it stands before is looked at below
		number, size, err := u.field()
		if err != nil {
			return meta, err
		}
		if number != 2 { // the type, and how the list is encoded
			u.left = size
			if _, err := u.bytes(size, maxListMeta); err != nil {
				return meta, err
			}
			continue
		}
		if lists++; lists > 1 {
			return meta, errors.New("the answer is more than one list")
		}
		u.left = size
		if meta, err = u.items(item); err != nil {
			return meta, err
		}
	}
}

// items reads the list itself, of which left bytes are to come.
func (u *unpacker) items(item func(raw []byte) error) (meta listMeta, err error) {
	for u.left > 0 {
		number, size, err := u.field()
		if err != nil {
			return meta, err
		}
		raw, err := u.bytes(size, maxItem)
		if err != nil {
			return meta, err
		}
		switch number {
		case 1:
			meta, err = unpackListMeta(raw)
		case 2:
			err = item(raw)
		}
		if err != nil {
			return meta, err
		}
	}
	return meta, nil
}

// field reads the tag and the length of the next field. All fields here have a length.
func (u *unpacker) field() (protowire.Number, int64, error) {
	tag, err := binary.ReadUvarint(u)
	if err != nil {
		return 0, 0, err
	}
	size, err := binary.ReadUvarint(u)
	if err != nil {
		return 0, 0, err
	}
	number, kind := protowire.DecodeTag(tag)
	if kind != protowire.BytesType || size > 1<<40 {
		return 0, 0, fmt.Errorf("field %d is no message", number)
	}
	return number, int64(size), nil
}

// ReadByte implements [io.ByteReader]. If it goes beyond the message no field has bytes left.
func (u *unpacker) ReadByte() (byte, error) {
	u.left--
	return u.r.ReadByte()
}

// bytes reads a field of at most limit bytes. It is valid until the next read.
func (u *unpacker) bytes(size int64, limit int) ([]byte, error) {
	if size > int64(limit) {
		return nil, &tooLargeError{limit}
	}
	if size > u.left {
		return nil, errors.New("a message ends within a field")
	}
	u.left -= size
	// The length is only what the server says: the buffer grows with what has come.
	n := 0
	for n < int(size) {
		if n == len(u.buf) {
			u.buf = append(u.buf, make([]byte, max(len(u.buf), firstBuffer))...)
		}
		read, err := io.ReadFull(u.r, u.buf[n:min(int(size), len(u.buf))])
		if n += read; err != nil {
			return nil, err
		}
	}
	return u.buf[:n], nil
}

func unpackListMeta(raw []byte) (meta listMeta, err error) {
	err = eachField(raw, func(number protowire.Number, value []byte, n uint64) error {
		switch number {
		case 2:
			meta.ResourceVersion = string(value)
		case 3:
			meta.Continue = string(value)
		case 4:
			left := int64(n)
			meta.RemainingItemCount = &left
		}
		return nil
	})
	return meta, err
}

// eachField reads a message that is there as a whole. value is that of a field with a length, and n that of a number.
func eachField(raw []byte, read func(number protowire.Number, value []byte, n uint64) error) error {
	for len(raw) > 0 {
		number, kind, length := protowire.ConsumeTag(raw)
		if length < 0 {
			return protowire.ParseError(length)
		}
		raw = raw[length:]
		var value []byte
		var n uint64
		switch kind {
		case protowire.BytesType:
			value, length = protowire.ConsumeBytes(raw)
		case protowire.VarintType:
			n, length = protowire.ConsumeVarint(raw)
		default:
			length = protowire.ConsumeFieldValue(number, kind, raw)
		}
		if length < 0 {
			return protowire.ParseError(length)
		}
		raw = raw[length:]
		if err := read(number, value, n); err != nil {
			return err
		}
	}
	return nil
}
