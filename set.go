package clustersnap

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"slices"
	"time"
)

var (
	// ErrCorrupt says that the bytes are not, or no longer, those of a backup set.
	ErrCorrupt = errors.New("backup set is damaged")
	// ErrNewerVersion says that the set was written by a later clustersnap than this one.
	ErrNewerVersion = errors.New("backup set has a newer format")
)

// Set is an opened backup set. It is an [fs.FS] of its members, and may be used by many
// goroutines at once if the ReaderAt beneath may (an *os.File and age's may).
type Set struct {
	r       io.ReaderAt
	index   *index
	entries map[string]entry         // by member name
	dirs    map[string][]fs.DirEntry // by directory, "." the root; sorted
}

type entry struct {
	Member
	offset int64 // of the content
}

// Open reads the index of a set of size bytes and holds everything but the members'
// content against it, byte for byte. The content is checked when it is read: see
// [Set.Open] and [Set.Verify]. The caller closes what lies beneath r, after the last read.
//
// The error wraps [ErrCorrupt] or [ErrNewerVersion], or is one of r's.
func Open(r io.ReaderAt, size int64) (*Set, error) {
	s, err := open(r, size)
	if err != nil {
		return nil, fmt.Errorf("open backup set: %w", err)
	}
	return s, nil
}

func open(r io.ReaderAt, size int64) (*Set, error) {
	raw, err := readIndex(r, size)
	if err != nil {
		return nil, err
	}
	ix, err := decodeIndex(raw)
	if err != nil {
		return nil, err
	}
	s := &Set{r: r, index: ix, entries: make(map[string]entry, len(ix.Members))}
	if err := s.compare(raw, size); err != nil {
		return nil, err
	}
	s.dirs = s.directories()
	return s, nil
}

// readIndex finds the index by the records of fixed size that end every set: the
// directory entry of the index, the end of the directory, and the line with its digest.
func readIndex(r io.ReaderAt, size int64) ([]byte, error) {
	const tailSize = int64(centralSize + len(indexName) + endSize)
	if size < tailSize {
		return nil, fmt.Errorf("%w: %d bytes are fewer than the smallest set has: %w", ErrCorrupt, size, io.ErrUnexpectedEOF)
	}
	tail := make([]byte, tailSize)
	if err := readFull(r, tail, size-tailSize); err != nil {
		return nil, err
	}
	version, digest, ok := parseComment(string(tail[len(tail)-commentSize:]))
	if !ok {
		return nil, fmt.Errorf("%w: the end is not that of a set: the file is cut short, has bytes appended, or is something else", ErrCorrupt)
	}
	if version > formatVersion {
		return nil, fmt.Errorf("%w: version %d, and this program knows up to %d: use a newer clustersnap", ErrNewerVersion, version, formatVersion)
	}
	// The last 24 bytes of the entry: both sizes and the offset of the local header.
	field := tail[centralSize+len(indexName)-24:]
	indexSize, header := le.Uint64(field), le.Uint64(field[16:])
	if indexSize > maxIndex || header > uint64(size) || header+localSize+uint64(len(indexName))+indexSize > uint64(size) {
		return nil, fmt.Errorf("%w: its directory says that the index has %d bytes at offset %d of %d", ErrCorrupt, indexSize, header, size)
	}
	raw := make([]byte, indexSize)
	if err := readFull(r, raw, int64(header)+localSize+int64(len(indexName))); err != nil {
		return nil, err
	}
	if sha256.Sum256(raw) != digest {
		return nil, fmt.Errorf("%w: the index does not have the digest that the last line states", ErrCorrupt)
	}
	return raw, nil
}

// compare rebuilds all that is neither content nor index from the index, and compares it with
// what is there: no byte of a set is free to be anything else.
func (s *Set) compare(rawIndex []byte, size int64) error {
	t := newDOSTime(s.index.Created)
	at := int64(0)
	var dir []byte
	one := func(m Member) error {
		start := at
		if err := s.expect(&at, appendLocal(nil, m.Name, t), size, "header of "+m.Name); err != nil {
			return err
		}
		if m.Size > size-at {
			return fmt.Errorf("%w: member %q has %d bytes by the index, and %d are left", ErrCorrupt, m.Name, m.Size, size-at)
		}
		s.entries[m.Name] = entry{Member: m, offset: at}
		at += m.Size
		dir = appendCentral(dir, m.Name, t, m.CRC32, m.Size, start)
		return s.expect(&at, appendDescriptor(nil, m.CRC32, m.Size), size, "descriptor of "+m.Name)
	}
	for _, m := range s.index.Members {
		if err := one(m); err != nil {
			return err
		}
	}
	if err := one(Member{Name: indexName, Size: int64(len(rawIndex)), CRC32: crc32.ChecksumIEEE(rawIndex)}); err != nil {
		return err
	}
	delete(s.entries, indexName)
	end := appendEnd(dir, len(s.index.Members)+1, at, int64(len(dir)), comment(sha256.Sum256(rawIndex)))
	if err := s.expect(&at, end, size, "directory"); err != nil {
		return err
	}
	if at != size {
		return fmt.Errorf("%w: it ends at byte %d of %d", ErrCorrupt, at, size)
	}
	return nil
}

func (s *Set) expect(at *int64, want []byte, size int64, what string) error {
	if int64(len(want)) > size-*at {
		return fmt.Errorf("%w: %s at offset %d reaches beyond the end", ErrCorrupt, what, *at)
	}
	got := make([]byte, len(want))
	if err := readFull(s.r, got, *at); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%w: %s at offset %d is not what the index makes it", ErrCorrupt, what, *at)
	}
	*at += int64(len(want))
	return nil
}

// readFull fills p. A ReaderAt that ends early is a set cut short.
func readFull(r io.ReaderAt, p []byte, offset int64) error {
	n, err := r.ReadAt(p, offset)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read %d bytes at offset %d: %w", len(p), offset, err)
}

// Created returns the creation time that was given to [NewWriter], in UTC.
func (s *Set) Created() time.Time { return s.index.Created }

// Members returns the members in the order in which they were written. The result is
// the caller's.
func (s *Set) Members() []Member {
	members := slices.Clone(s.index.Members)
	for i := range members {
		members[i].Description = bytes.Clone(members[i].Description)
	}
	return members
}

// Verify reads every member to its end and so checks all digests. It returns the
// errors of all members that are bad, joined, or ctx's error.
func (s *Set) Verify(ctx context.Context) error {
	var bad []error
	buf := make([]byte, 64<<10)
	for _, m := range s.index.Members {
		f, err := s.Open(m.Name)
		if err != nil {
			return err
		}
		for err == nil {
			if cause := context.Cause(ctx); cause != nil {
				return fmt.Errorf("verify backup set: %w", cause)
			}
			_, err = f.Read(buf)
		}
		if err != io.EOF {
			bad = append(bad, err)
		}
	}
	return errors.Join(bad...)
}
