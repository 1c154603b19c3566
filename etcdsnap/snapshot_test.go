package etcdsnap_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"testing"
	"testing/iotest"

	"github.com/clustersnap/clustersnap/etcdsnap"
)

// spec is a snapshot as a literal: what stands in its first meta page, and how many bytes follow.
type spec struct {
	magic, version, pageSize uint32
	pages                    uint64
	size                     int // of the database, without the digest
}

var good = spec{magic: 0xED0CDAED, version: 2, pageSize: 4096, pages: 4, size: 4 * 4096}

func (s spec) bytes() []byte {
	b := make([]byte, s.size)
	for i := range b {
		b[i] = byte(i * 7)
	}
	le := binary.LittleEndian
	le.PutUint64(b, 0)
	le.PutUint16(b[8:], 4)
	m := b[16:]
	le.PutUint32(m, s.magic)
	le.PutUint32(m[4:], s.version)
	le.PutUint32(m[8:], s.pageSize)
	le.PutUint64(m[40:], s.pages)
	h := fnv.New64a()
	h.Write(m[:56])
	le.PutUint64(m[56:], h.Sum64())
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

func TestVerify(t *testing.T) {
	for _, pageSize := range []uint32{4 << 10, 16 << 10, 64 << 10} {
		s := good
		s.pageSize, s.size = pageSize, 4*int(pageSize)
		b := s.bytes()
		want := etcdsnap.Info{Size: int64(len(b)), PageSize: int(pageSize), SHA256: fmt.Sprintf("%x", b[len(b)-32:])}
		for name, r := range map[string]io.Reader{
			"whole":            bytes.NewReader(b),
			"one byte a read":  iotest.OneByteReader(bytes.NewReader(b)),
			"halves":           iotest.HalfReader(bytes.NewReader(b)),
			"data with an EOF": iotest.DataErrReader(bytes.NewReader(b)),
		} {
			if got, err := etcdsnap.Verify(context.Background(), r); err != nil || got != want {
				t.Errorf("%d-byte pages, %s: %+v (%v), want %+v", pageSize, name, got, err, want)
			}
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	edit := func(f func(*spec)) []byte {
		s := good
		f(&s)
		return s.bytes()
	}
	for name, b := range map[string][]byte{
		"magic":          edit(func(s *spec) { s.magic++ }),
		"version":        edit(func(s *spec) { s.version = 3 }),
		"page size 0":    edit(func(s *spec) { s.pageSize = 0 }),
		"page size 4097": edit(func(s *spec) { s.pageSize = 4097 }),
		"page size 2 KiB": edit(func(s *spec) {
			s.pageSize, s.pages = 2048, 8
		}),
		"page size 128 KiB": edit(func(s *spec) { s.pageSize, s.size = 128<<10, 4*128<<10 }),
		"no pages":          edit(func(s *spec) { s.pages = 0 }),
		"pages overflow":    edit(func(s *spec) { s.pages = 1<<52 + 4 }),
		"more pages stated": edit(func(s *spec) { s.pages++ }),
		"fewer stated":      edit(func(s *spec) { s.pages-- }),
		"no digest":         good.bytes()[:good.size],
		"bytes after it":    append(good.bytes(), 0),
		"twice":             append(good.bytes(), good.bytes()...),
	} {
		if info, err := etcdsnap.Verify(context.Background(), bytes.NewReader(b)); !errors.Is(err, etcdsnap.ErrCorrupt) {
			t.Errorf("%s: %+v (%v), want ErrCorrupt", name, info, err)
		}
	}
}

func TestEveryTruncation(t *testing.T) {
	b := good.bytes()
	for n := range b {
		if _, err := etcdsnap.Verify(context.Background(), bytes.NewReader(b[:n])); !errors.Is(err, io.ErrUnexpectedEOF) || !errors.Is(err, etcdsnap.ErrCorrupt) {
			t.Fatalf("the first %d of %d bytes: %v, want unexpected EOF", n, len(b), err)
		}
	}
}

func TestEveryFlip(t *testing.T) {
	b := good.bytes()
	for i := range b {
		b[i] ^= 0x40
		if _, err := etcdsnap.Verify(context.Background(), bytes.NewReader(b)); !errors.Is(err, etcdsnap.ErrCorrupt) {
			t.Fatalf("byte %d of %d flipped: %v, want ErrCorrupt", i, len(b), err)
		}
		b[i] ^= 0x40
	}
}

func TestReaderErrorIsPassedOn(t *testing.T) {
	boom := errors.New("disk on fire")
	b := good.bytes()
	_, err := etcdsnap.Verify(context.Background(), io.MultiReader(bytes.NewReader(b[:9000]), iotest.ErrReader(boom)))
	if !errors.Is(err, boom) || errors.Is(err, etcdsnap.ErrCorrupt) {
		t.Errorf("got %v, want the reader's error alone", err)
	}
}

func TestVerifyEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := etcdsnap.Verify(ctx, bytes.NewReader(good.bytes())); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func FuzzVerify(f *testing.F) {
	seeds := [][]byte{good.bytes(), good.bytes()[:100]}
	if len(seeds) == 0 {
		f.Fatal("no seeds")
	}
	for _, b := range seeds {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := etcdsnap.Verify(context.Background(), bytes.NewReader(b))
		if err == nil && (info.Size != int64(len(b)) || info.SHA256 != fmt.Sprintf("%x", sha256.Sum256(b[:len(b)-32]))) {
			t.Errorf("accepted as %+v", info)
		}
	})
}
