package bolttest

import (
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"
)

// Record is one revision of a key, as etcd keeps it in the bucket "key". One without a key is what a restore with a raised
// revision leaves: it has no value.
type Record struct {
	Main, Sub              int64
	Tombstone              bool
	Key, Value             string
	Create, Version, Lease int64
}

// Put is a record of a key that is new, and Delete one of a key that is gone.
func Put(main int64, key, value string) Record {
	return Record{Main: main, Key: key, Value: value, Create: main, Version: 1}
}

func Delete(main int64, key string) Record { return Record{Main: main, Key: key, Tombstone: true} }

// Item is the record as stored: an mvccpb.KeyValue below its revision.
func (r Record) Item() Item {
	if r.Key == "" {
		return Item{Key: Revision(r.Main, r.Sub, r.Tombstone)}
	}
	b := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), []byte(r.Key))
	if !r.Tombstone {
		b = number(b, 2, r.Create)
		b = number(b, 3, r.Main)
		b = number(b, 4, r.Version)
		if r.Value != "" {
			b = protowire.AppendString(protowire.AppendTag(b, 5, protowire.BytesType), r.Value)
		}
		b = number(b, 6, r.Lease)
	}
	return Item{Key: Revision(r.Main, r.Sub, r.Tombstone), Value: b}
}

func number(b []byte, field protowire.Number, v int64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(v))
}

// Items are the records as stored.
func Items(records ...Record) (items []Item) {
	for _, r := range records {
		items = append(items, r.Item())
	}
	return items
}

// Revision is the key of a record.
func Revision(main, sub int64, tombstone bool) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(main))
	b = binary.BigEndian.AppendUint64(append(b, '_'), uint64(sub))
	if tombstone {
		b = append(b, 't')
	}
	return b
}
