package wal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// maxSegment bounds what is read of a segment. etcd begins another one once 64 MB are full, after the write that
// filled them.
const maxSegment = 1 << 30

// attempts bounds how often a log is read anew that looks wrong. Its etcd may have removed segments since they were
// listed, or have been at the very record that was read.
const attempts = 5

// segment is a file of the log.
type segment struct {
	path     string
	sequence uint64
}

// read has f read the segments in dir, of which there is one at least, the newest first.
func read[T any](dir string, f func([]segment) (T, error)) (T, error) {
	for attempt := 1; ; attempt++ {
		segments, err := list(dir)
		if err != nil {
			var none T
			return none, fmt.Errorf("read write-ahead log: %w", err)
		}
		result, err := f(segments)
		if err == nil {
			return result, nil
		}
		if attempt == attempts || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrCorrupt) {
			return result, fmt.Errorf("read write-ahead log: %w", err)
		}
	}
}

// list gives the segments in dir, the newest first. Other names are none of the log: etcd makes segments
// as 0.tmp and 1.tmp, and keeps what it has repaired as .broken.
func list(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var segments []segment
	for _, e := range entries {
		sequence, ok := parseName(e.Name())
		if !ok {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if !e.Type().IsRegular() {
			return nil, fmt.Errorf("%s: %w: it is not a file", path, ErrCorrupt)
		}
		segments = append(segments, segment{path, sequence})
	}
	if len(segments) == 0 {
		return nil, fmt.Errorf("%s: %w: no segment of a log is there", dir, fs.ErrNotExist)
	}
	slices.Reverse(segments) // os.ReadDir sorts by name, which here is by number
	return segments, nil
}

// parseName gives the sequence number in the name of a segment.
func parseName(name string) (sequence uint64, ok bool) {
	var index uint64
	if n, err := fmt.Sscanf(name, "%16x-%16x.wal", &sequence, &index); n != 2 || err != nil {
		return 0, false
	}
	return sequence, name == fmt.Sprintf("%016x-%016x.wal", sequence, index)
}

// scan has f read a segment, which is as long as it is now: what etcd appends meanwhile is not seen.
func scan[T any](g segment, f func(*scanner) (T, error)) (T, error) {
	var none T
	file, err := os.Open(g.path)
	if err != nil {
		return none, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return none, err
	}
	if info.Size() > maxSegment {
		return none, fmt.Errorf("%s: %w: no segment has %d bytes", g.path, ErrCorrupt, info.Size())
	}
	return f(newScanner(g.path, io.NewSectionReader(file, 0, info.Size()), info.Size()))
}
