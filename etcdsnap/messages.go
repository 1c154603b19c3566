package etcdsnap

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// messages reads the bytes in the messages of a snapshot stream. Etcd's own client copies them through
// two buffers and a pipe; here they go from the connection to where they are wanted.
type messages struct {
	stream   grpc.ClientStream
	watchdog *watchdog
	version  string // storage version, from 3.6 on
	total    uint64 // bytes of the database, without the digest
	passed   uint64
	spill    []byte // of a message that did not fit
	message  message
}

// openStream starts a snapshot, and reads the first message: from then on etcd holds a read transaction open
// until the stream ends.
func openStream(ctx context.Context, conn *grpc.ClientConn, w *watchdog) (*messages, error) {
	desc := &grpc.StreamDesc{StreamName: "Snapshot", ServerStreams: true}
	stream, err := conn.NewStream(ctx, desc, "/etcdserverpb.Maintenance/Snapshot", grpc.ForceCodecV2(codec{}))
	if err != nil {
		return nil, err
	}
	if err := stream.SendMsg(nil); err != nil && err != io.EOF { // EOF: why is said where messages are received
		return nil, err
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	m := &messages{stream: stream, watchdog: w}
	if err := m.receive(nil); err != nil {
		return nil, err
	}
	m.version = m.message.version
	m.total = m.message.remaining + uint64(len(m.spill))
	return m, nil
}

// receive takes the next message that is not empty, into p if it fits and else into spill. An
// empty message is no sign of life: the server bug behind ErrStalled sends them without end.
func (m *messages) receive(p []byte) error {
	m.watchdog.start()
	defer m.watchdog.stop()
	for m.message.n = 0; m.message.n == 0; {
		m.message.into = p
		if err := m.stream.RecvMsg(&m.message); err != nil {
			return err
		}
	}
	if m.message.n > len(p) {
		m.spill = m.message.into[:m.message.n]
	}
	m.passed += uint64(m.message.n)
	return nil
}

// Read ends with the stream, which io.EOF stands for.
func (m *messages) Read(p []byte) (int, error) {
	if len(m.spill) == 0 {
		if err := m.receive(p); err != nil {
			return 0, err
		}
		if len(m.spill) == 0 {
			return m.message.n, nil
		}
	}
	n := copy(p, m.spill)
	m.spill = m.spill[n:]
	return n, nil
}

// codec knows the two messages of the call alone: the request, which is empty, and etcdserverpb.SnapshotResponse.
type codec struct{}

var _ encoding.CodecV2 = codec{}

func (codec) Name() string                                { return "proto" }
func (codec) Marshal(any) (mem.BufferSlice, error)        { return nil, nil }
func (codec) Unmarshal(data mem.BufferSlice, v any) error { return v.(*message).decode(data) }

// message is a response of which the blob is put into a slice, or into a new one if that is too small.
type message struct {
	remaining uint64
	version   string
	into      []byte
	n         int
}

const maxVersion = 64 // bytes

var errMessage = errors.New("etcd sent a message that can't be decoded")

// decode reads the fields remaining_bytes = 2, blob = 3 and version = 4. Every length is held against what is there.
func (m *message) decode(data mem.BufferSlice) error {
	r := data.Reader()
	defer r.Close()
	m.n = 0
	for r.Remaining() > 0 {
		tag, err := binary.ReadUvarint(r)
		if err != nil {
			return errMessage
		}
		v, err := binary.ReadUvarint(r)
		if err != nil {
			return errMessage
		}
		number, kind := protowire.DecodeTag(tag)
		switch {
		case number == 2 && kind == protowire.VarintType:
			m.remaining = v
		case kind == protowire.VarintType:
		case kind != protowire.BytesType || v > uint64(r.Remaining()):
			return errMessage
		case number == 3 && m.n > 0:
			return errMessage // two of them: the first would be lost
		case number == 3:
			if m.n = int(v); m.n > len(m.into) {
				m.into = make([]byte, m.n)
			}
			_, err = io.ReadFull(r, m.into[:m.n])
		case number == 4 && v <= maxVersion:
			b := make([]byte, v)
			_, err = io.ReadFull(r, b)
			m.version = string(b)
		default:
			_, err = io.CopyN(io.Discard, r, int64(v))
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errMessage, err)
		}
	}
	return nil
}
