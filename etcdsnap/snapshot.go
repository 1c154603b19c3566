package etcdsnap

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"io"
)

// ErrCorrupt says that the bytes are not, or no longer, those of a snapshot.
var ErrCorrupt = errors.New("snapshot is damaged")

// Info says what the bytes of a snapshot show without a walk through its tree.
type Info struct {
	// Size is in bytes, the trailing digest included.
	Size int64 `json:"size"`
	// PageSize is the database's, in bytes: that of the machine which made it.
	PageSize int `json:"pageSize"`
	// SHA256 is the digest of the database, which etcd appended: 64 lower-case hexadecimal digits.
	SHA256 string `json:"sha256"`
}

// Verify reads a snapshot to its end, and checks the digest at its end, the first meta page,
// and the length that the meta page states. To keep what is read, give an [io.TeeReader]. It ends
// when ctx does, between two reads.
//
// The error wraps [ErrCorrupt], and [io.ErrUnexpectedEOF] too if bytes are missing, or is ctx's cause
// or one of src's.
func Verify(ctx context.Context, src io.Reader) (Info, error) {
	c := newChecker()
	if _, err := io.Copy(c, contextReader{ctx, src}); err != nil {
		return Info{}, fmt.Errorf("verify snapshot: %w", err)
	}
	info, err := c.finish()
	if err != nil {
		return Info{}, fmt.Errorf("verify snapshot: %w", err)
	}
	return info, nil
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// checker takes the bytes of a snapshot as they come by.
type checker struct {
	sha  hash.Hash
	tail []byte // the last bytes seen, up to a digest's size: not yet in sha
	size int64
	head []byte // the first bytes seen, up to the end of the meta
	meta meta   // once head is whole
}

func newChecker() *checker { return &checker{sha: sha256.New()} }

func (c *checker) Write(p []byte) (int, error) {
	c.size += int64(len(p))
	if missing := metaEnd - len(c.head); missing > 0 {
		c.head = append(c.head, p[:min(missing, len(p))]...)
		if len(c.head) == metaEnd {
			var err error
			if c.meta, err = parseMeta(c.head); err != nil {
				return 0, err
			}
		}
	}
	if len(c.head) == metaEnd && c.size > c.meta.size()+sha256.Size {
		return 0, fmt.Errorf("%w: it goes on after the %d bytes that its meta page states", ErrCorrupt, c.meta.size()+sha256.Size)
	}
	c.hold(p)
	return len(p), nil
}

// hold hashes all but what may yet turn out to be the digest at the end.
func (c *checker) hold(p []byte) {
	if len(p) >= sha256.Size {
		c.sha.Write(c.tail)
		cut := len(p) - sha256.Size
		c.sha.Write(p[:cut])
		c.tail = append(c.tail[:0], p[cut:]...)
		return
	}
	c.tail = append(c.tail, p...)
	if over := len(c.tail) - sha256.Size; over > 0 {
		c.sha.Write(c.tail[:over])
		c.tail = append(c.tail[:0], c.tail[over:]...)
	}
}

func (c *checker) finish() (Info, error) {
	if len(c.head) < metaEnd {
		return Info{}, fmt.Errorf("%w: %d bytes are fewer than a meta page has: %w", ErrCorrupt, c.size, io.ErrUnexpectedEOF)
	}
	if want := c.meta.size() + sha256.Size; c.size < want {
		return Info{}, fmt.Errorf("%w: it ends after %d of %d bytes: %w", ErrCorrupt, c.size, want, io.ErrUnexpectedEOF)
	}
	if !bytes.Equal(c.sha.Sum(nil), c.tail) {
		return Info{}, fmt.Errorf("%w: its SHA-256 is not the one that etcd appended", ErrCorrupt)
	}
	return Info{Size: c.size, PageSize: int(c.meta.pageSize), SHA256: hex.EncodeToString(c.tail)}, nil
}

// Where bbolt keeps things: go.etcd.io/bbolt, internal/common/page.go and meta.go.
const (
	pageHeaderSize = 16
	metaEnd        = pageHeaderSize + 64
	metaFlag       = 0x04
	boltMagic      = 0xED0CDAED
	boltVersion    = 2
	minPageSize    = 4 << 10
	maxPageSize    = 64 << 10
)

type meta struct {
	pageSize uint32
	pages    uint64 // all pages of the file have smaller ids
}

func (m meta) size() int64 { return int64(m.pages) * int64(m.pageSize) }

// parseMeta reads page 0, which a snapshot always has whole: the server writes both meta
// pages anew when it sends one (bbolt's Tx.WriteTo), and sends as many pages as they state.
func parseMeta(b []byte) (meta, error) {
	le := binary.LittleEndian
	flags, body := le.Uint16(b[8:]), b[pageHeaderSize:]
	m := meta{pageSize: le.Uint32(body[8:]), pages: le.Uint64(body[40:])}
	sum := fnv.New64a()
	sum.Write(body[:56])
	switch {
	case le.Uint32(body) != boltMagic:
		return meta{}, fmt.Errorf("%w: it does not begin with a meta page of bbolt: is it an etcd v3 snapshot?", ErrCorrupt)
	case le.Uint32(body[4:]) != boltVersion:
		return meta{}, fmt.Errorf("%w: bbolt file version %d, want %d", ErrCorrupt, le.Uint32(body[4:]), boltVersion)
	case sum.Sum64() != le.Uint64(body[56:]) || flags != metaFlag || le.Uint64(b) != 0:
		return meta{}, fmt.Errorf("%w: the first meta page does not have its checksum", ErrCorrupt)
	case m.pageSize < minPageSize || m.pageSize > maxPageSize || m.pageSize&(m.pageSize-1) != 0:
		return meta{}, fmt.Errorf("%w: page size %d", ErrCorrupt, m.pageSize)
	case m.pages < 3 || m.pages > 1<<40/minPageSize:
		return meta{}, fmt.Errorf("%w: the meta page states %d pages", ErrCorrupt, m.pages)
	}
	return m, nil
}
