package etcdsnap

import (
	"encoding/binary"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/clustersnap/clustersnap/etcdsnap/internal/bolt"
)

// record is a record's value, as an mvccpb.KeyValue has it.
type record struct {
	key, value                  []byte
	create, mod, version, lease int64
}

// revision is the key of a record in etcd's bucket "key": main and sub, and a mark on tombstones
// (server/storage/mvcc/revision.go).
type revision struct {
	main      int64
	sub       int64
	tombstone bool
}

const revisionSize = 8 + 1 + 8

// parseRevision reads such a key. Others are not ok: those of other buckets can look like one, as the name of the user
// "database_readonly" does, but for a sub that counts more operations than a transaction has.
func parseRevision(b []byte) (r revision, ok bool) {
	if len(b) != revisionSize && (len(b) != revisionSize+1 || b[revisionSize] != 't') || b[8] != '_' {
		return revision{}, false
	}
	r = revision{
		main:      int64(binary.BigEndian.Uint64(b)),
		sub:       int64(binary.BigEndian.Uint64(b[9:])),
		tombstone: len(b) > revisionSize,
	}
	return r, r.main >= 0 && r.sub >= 0 && r.sub < 1<<32
}

// notRevision is for a key of the bucket "key" that is none. What stands there may be a piece of a Secret: it is not shown.
func notRevision(page uint64, i int) error {
	return fmt.Errorf("%w: page %d has a key, number %d, which is no revision", bolt.ErrCorrupt, page, i)
}

func (r revision) after(o revision) bool {
	return r.main > o.main || r.main == o.main && r.sub > o.sub
}

// parseRecord reads the value of revision r, which keeps slices of b. It is decoded by hand: generated code differs
// between etcd 3.6 and 3.7. A restore that raises the revision leaves one record
// without a value, and so without a key (etcdutl/snapshot/v3_snapshot.go, unsafeBumpBucketsRevision).
func parseRecord(b []byte, r revision) (rec record, err error) {
	bad := func(what string) error {
		return fmt.Errorf("%w: the record of revision %d.%d %s", bolt.ErrCorrupt, r.main, r.sub, what)
	}
	for rest := b; len(rest) > 0; {
		number, kind, n := protowire.ConsumeTag(rest)
		if n < 0 {
			return rec, bad("can't be decoded")
		}
		rest = rest[n:]
		switch {
		case kind == protowire.BytesType && (number == 1 || number == 5):
			var field []byte
			if field, n = protowire.ConsumeBytes(rest); number == 1 {
				rec.key = field
			} else {
				rec.value = field
			}
		case kind == protowire.VarintType && number >= 2 && number <= 6 && number != 5:
			var v uint64
			v, n = protowire.ConsumeVarint(rest)
			switch number {
			case 2:
				rec.create = int64(v)
			case 3:
				rec.mod = int64(v)
			case 4:
				rec.version = int64(v)
			case 6:
				rec.lease = int64(v)
			}
		default:
			n = protowire.ConsumeFieldValue(number, kind, rest)
		}
		if n < 0 {
			return rec, bad("can't be decoded")
		}
		rest = rest[n:]
	}
	switch {
	case (len(b) > 0 || r.tombstone) && len(rec.key) == 0:
		return rec, bad("has no key")
	case len(b) > 0 && !r.tombstone && (rec.mod != r.main || rec.create > r.main || rec.create < 1 || rec.version < 1):
		return rec, bad(fmt.Sprintf("says that it is version %d, from %d to %d", rec.version, rec.create, rec.mod))
	}
	return rec, nil
}

// append appends r as a key.
func (r revision) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(r.main))
	b = binary.BigEndian.AppendUint64(append(b, '_'), uint64(r.sub))
	if r.tombstone {
		b = append(b, 't')
	}
	return b
}
