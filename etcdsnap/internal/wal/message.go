package wal

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// The kinds of records.
const (
	metadataKind = 1 + iota
	entryKind
	stateKind
	sumKind
	snapshotKind
)

// record is walpb.Record.
type record struct {
	kind uint64
	sum  uint32
	data []byte
}

// position is that of an entry in the log of the cluster.
type position struct{ index, term uint64 }

// The checksum of a record is of its data alone. So what has another kind than it was written with must show
// by the data, whose messages are much alike: the rules below tell them apart.

func parseRecord(b []byte) (record, error) {
	m, err := parse(b, protowire.VarintType, protowire.VarintType, protowire.BytesType)
	r := record{m[1].number, uint32(m[2].number), m[3].bytes}
	switch {
	case err != nil:
		return record{}, err
	case r.kind < metadataKind || r.kind > snapshotKind:
		return record{}, fmt.Errorf("a record is of the unknown kind %d", r.kind)
	case r.kind == sumKind && len(r.data) > 0:
		return record{}, errors.New("a record of a checksum alone has data")
	}
	return r, nil
}

// parseIdentity reads etcdserverpb.Metadata.
func parseIdentity(b []byte) (Identity, error) {
	m, err := parse(b, protowire.VarintType, protowire.VarintType)
	if err == nil && (!m[1].set || !m[2].set) {
		err = errors.New("the metadata name no member or no cluster")
	}
	return Identity{Member: m[1].number, Cluster: m[2].number}, err
}

// parseEntry reads of a raftpb.Entry where it stands.
func parseEntry(b []byte) (position, error) {
	m, err := parse(b, protowire.VarintType, protowire.VarintType, protowire.VarintType, protowire.BytesType)
	p := position{term: m[2].number, index: m[3].number}
	normal := m[1].number == 0
	if err == nil && (p.term == 0 || p.index == 0 || m[1].number > 2 || !normal && len(m[4].bytes) == 0) {
		err = errors.New("an entry is without a term or an index, or changes members to nothing")
	}
	return p, err
}

// parseCommit reads the last committed index of a raftpb.HardState.
func parseCommit(b []byte) (uint64, error) {
	m, err := parse(b, protowire.VarintType, protowire.VarintType, protowire.VarintType, protowire.BytesType)
	if err == nil && (m[1].number == 0 || m[4].set) {
		err = errors.New("a state is without a term, or has the data of an entry")
	}
	return m[3].number, err
}

// parseSnapshot reads of a walpb.Snapshot where it was taken.
func parseSnapshot(b []byte) (position, error) {
	m, err := parse(b, protowire.VarintType, protowire.VarintType, protowire.BytesType)
	return position{index: m[1].number, term: m[2].number}, err
}

// message is the fields of a protobuf message by their numbers.
type message [5]struct {
	set    bool
	number uint64 // of a varint
	bytes  []byte
}

// parse reads a message whose first fields are of these types. What a newer etcd may add is passed over.
func parse(b []byte, types ...protowire.Type) (m message, err error) {
	for len(b) > 0 {
		number, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return m, fmt.Errorf("read a field: %w", protowire.ParseError(n))
		}
		b = b[n:]
		known := int(number) <= len(types)
		if known && typ != types[number-1] {
			return m, fmt.Errorf("field %d is of the wrong type", number)
		}
		switch {
		case !known:
			n = protowire.ConsumeFieldValue(number, typ, b)
		case typ == protowire.VarintType:
			m[number].number, n = protowire.ConsumeVarint(b)
			m[number].set = true
		default:
			m[number].bytes, n = protowire.ConsumeBytes(b)
			m[number].set = true
		}
		if n < 0 {
			return m, fmt.Errorf("read field %d: %w", number, protowire.ParseError(n))
		}
		b = b[n:]
	}
	return m, nil
}
