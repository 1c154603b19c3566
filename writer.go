package clustersnap

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"time"
)

// Writer writes a backup set to a stream. It is for one goroutine.
type Writer struct {
	dst    io.Writer
	offset int64
	index  index
	taken  names
	dir    []byte // the zip directory, entry by entry
	budget int    // bytes that the index may still grow by
	busy   bool   // inside a fill
	closed bool
	err    error // the first failure: it stays
}

// NewWriter begins a set that is written to dst and was created at the given time, which
// readers see with its nanoseconds. Nothing is written before the first member. The caller
// closes dst after [Writer.Close] has succeeded, and makes it durable: see [Create].
func NewWriter(dst io.Writer, created time.Time) *Writer {
	w := &Writer{dst: dst, budget: maxIndex - 128}
	w.index = index{Version: formatVersion, Created: created.UTC(), Members: []Member{}}
	w.err = checkCreated(created)
	return w
}

// Add adds a member: fill writes its content, and Add records its size and SHA-256.
//
// The name is a relative path with slashes, of at most 255 bytes A-Z a-z 0-9 . _ - + @ =,
// of at most 8 parts, that can be extracted beside the others on every system: no two names
// equal but for case, none that is a directory of another, no Windows device. "index.json" is
// taken. A set has at most 4096 members.
//
// The description is marshalled to JSON when fill has returned, so it may be a pointer to
// something that fill completes, such as the result of a save. It may be nil.
//
// Any error, be it from fill, from dst, or from Add itself, poisons the set: no later
// Add is accepted and [Writer.Close] fails. So does a panic in fill, and an error
// of dst that fill does not return. The writer handed to fill fails once fill has returned.
func (w *Writer) Add(name string, description any, fill func(io.Writer) error) error {
	if w.busy {
		w.fail(errors.New("set is in use: a member is being filled"))
		return fmt.Errorf("add member %q: %w", name, w.err)
	}
	if w.closed {
		return fmt.Errorf("add member %q: set is closed", name)
	}
	if w.err != nil {
		return fmt.Errorf("add member %q: set has failed before: %w", name, w.err)
	}
	w.busy = true // stays so if fill panics
	if err := w.add(name, description, fill); err != nil {
		w.fail(fmt.Errorf("add member %q: %w", name, err))
	}
	w.busy = false
	return w.err
}

func (w *Writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *Writer) add(name string, description any, fill func(io.Writer) error) error {
	if err := w.taken.add(name); err != nil {
		return err
	}
	start := w.offset
	m, err := w.store(name, fill)
	if err != nil {
		return err
	}
	// As it will stand in the index, to know what it costs there.
	if m.Description, err = json.MarshalIndent(description, "      ", "  "); err != nil {
		return fmt.Errorf("marshal description: %w", err)
	}
	w.budget -= len(m.Description) + len(name) + 256
	if w.budget < 0 {
		return fmt.Errorf("index would exceed %d bytes: describe less, or put fewer members into the set", maxIndex)
	}
	w.index.Members = append(w.index.Members, m)
	w.dir = appendCentral(w.dir, name, newDOSTime(w.index.Created), m.CRC32, m.Size, start)
	return nil
}

// store writes one zip entry: header, what fill writes, descriptor.
func (w *Writer) store(name string, fill func(io.Writer) error) (Member, error) {
	if err := w.write(appendLocal(nil, name, newDOSTime(w.index.Created))); err != nil {
		return Member{}, err
	}
	mw := &memberWriter{w: w, sha: sha256.New()}
	err := fill(mw)
	mw.closed = true
	if mw.err != nil {
		return Member{}, mw.err // also where fill swallowed it
	}
	if err != nil {
		return Member{}, err
	}
	m := Member{Name: name, Size: mw.size, CRC32: mw.crc, SHA256: hex.EncodeToString(mw.sha.Sum(nil))}
	return m, w.write(appendDescriptor(nil, m.CRC32, m.Size))
}

func (w *Writer) write(b []byte) error {
	n, err := w.dst.Write(b)
	w.offset += int64(n)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}

// Close writes the index and completes the set. It fails, and writes nothing, if
// anything failed before: what has been written then is no set and Open refuses it.
// Close does not close dst. A second Close returns what the first one returned.
func (w *Writer) Close() error {
	if w.closed {
		return w.err
	}
	if w.busy {
		w.fail(errors.New("set is in use: a member was being filled"))
	}
	w.closed = true
	if w.err == nil {
		w.fail(w.finish())
	}
	if w.err != nil {
		w.err = fmt.Errorf("close set: %w", w.err)
	}
	return w.err
}

func (w *Writer) finish() error {
	b, err := json.MarshalIndent(w.index, "", "  ")
	if err != nil {
		return fmt.Errorf("marshal index: %w", err)
	}
	start := w.offset
	m, err := w.store(indexName, func(dst io.Writer) error {
		_, err := dst.Write(b)
		return err
	})
	if err != nil {
		return err
	}
	w.dir = appendCentral(w.dir, indexName, newDOSTime(w.index.Created), m.CRC32, m.Size, start)
	end := appendEnd(w.dir, len(w.index.Members)+1, w.offset, int64(len(w.dir)), comment(sha256.Sum256(b)))
	return w.write(end)
}

// memberWriter counts and digests what a fill writes.
type memberWriter struct {
	w      *Writer
	size   int64
	crc    uint32
	sha    hash.Hash
	closed bool
	err    error
}

func (m *memberWriter) Write(p []byte) (int, error) {
	if m.closed {
		return 0, errors.New("write to a member whose fill has returned")
	}
	if m.err != nil {
		return 0, m.err
	}
	if m.err = m.w.write(p); m.err != nil {
		return 0, m.err
	}
	m.size += int64(len(p))
	m.crc = crc32.Update(m.crc, crc32.IEEETable, p)
	m.sha.Write(p)
	return len(p), nil
}
