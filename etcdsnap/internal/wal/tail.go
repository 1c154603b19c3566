package wal

import (
	"errors"
	"fmt"
	"io"
)

// Tail says where the log ends.
type Tail struct {
	Identity
	// LastIndex and LastTerm are those of the last entry, or of a snapshot that the member got from its leader
	// after that. They are zero before anything was written.
	LastIndex, LastTerm uint64
	// Commit is the last index that the member had written down as committed. It may have known of more.
	Commit uint64
}

// ReadTail reads where the log in dir ends, as etcd would find it if it started now. A record at the end
// that the member was writing as the power failed is not of the log. Other damage is an error, as of
// [ReadIdentity]. It reads the newest segment, of 64 MB, and seldom the one before.
func ReadTail(dir string) (Tail, error) {
	return read(dir, func(segments []segment) (Tail, error) {
		log, err := scan(segments[0], (*scanner).stretch)
		for i := 1; err == nil && segments[i-1].sequence > 0 && !log.suffices(); i++ {
			if i == len(segments) || segments[i-1].sequence-segments[i].sequence != 1 {
				return Tail{}, fmt.Errorf("%s: %w: the segment before it is missing", segments[i-1].path, ErrCorrupt)
			}
			var older stretch
			if older, err = scan(segments[i], (*scanner).stretch); err == nil {
				log, err = older.join(log)
			}
		}
		return log.Tail, err
	})
}

// stretch is a part of the log: one segment, or several that follow each other.
type stretch struct {
	Tail
	entries, states bool   // are in it
	seed, sum       uint32 // the checksum before it, and at its end
	path            string // of its first segment
	end             int64  // of that segment's records
}

// suffices reports whether nothing before the stretch matters to where the log ends.
func (t stretch) suffices() bool { return t.entries && t.states }

// stretch reads a segment to its end.
func (s *scanner) stretch() (stretch, error) {
	id, err := s.identity()
	if err != nil {
		return stretch{}, err
	}
	t := stretch{Tail: Tail{Identity: id}, path: s.path, seed: s.seed}
	for {
		r, err := s.record()
		if err == io.EOF {
			t.sum, t.end = s.sum, s.at
			return t, nil
		}
		if err != nil {
			return stretch{}, err
		}
		if err := t.add(r); err != nil {
			return stretch{}, s.damaged(err)
		}
	}
}

// add takes a record into account. An entry can have an index that was there before: a new leader replaces
// entries that were never committed.
func (t *stretch) add(r record) error {
	switch r.kind {
	case metadataKind:
		if id, err := parseIdentity(r.data); err != nil || id != t.Identity {
			return errors.Join(errors.New("it is of two members"), err)
		}
	case entryKind:
		p, err := parseEntry(r.data)
		if err == nil && t.entries && p.index > t.LastIndex+1 {
			err = fmt.Errorf("entry %d follows on %d", p.index, t.LastIndex)
		}
		t.LastIndex, t.LastTerm, t.entries = p.index, p.term, true
		return err
	case stateKind:
		var err error
		t.Commit, err = parseCommit(r.data)
		t.states = true
		return err
	case snapshotKind:
		p, err := parseSnapshot(r.data)
		t.reach(p.index, p.term)
		return err
	}
	return nil
}

// reach says that the log went up to an index, or further.
func (t *stretch) reach(index, term uint64) {
	if index > t.LastIndex {
		t.LastIndex, t.LastTerm = index, term
	}
}

// join gives the stretch of t and newer, which follows it.
func (t stretch) join(newer stretch) (stretch, error) {
	if t.Identity != newer.Identity {
		return stretch{}, fmt.Errorf("%s: %w: it is of another member than the segment before it", newer.path, ErrCorrupt)
	}
	if t.sum != newer.seed {
		return stretch{}, fmt.Errorf("%s at offset %d: %w: %s does not go on from where it ends: %w",
			t.path, t.end, ErrCorrupt, newer.path, io.ErrUnexpectedEOF)
	}
	if !newer.entries {
		newer.reach(t.LastIndex, t.LastTerm)
	}
	if !newer.states {
		newer.Commit = t.Commit
	}
	t.Tail, t.entries, t.states = newer.Tail, t.entries || newer.entries, t.states || newer.states
	return t, nil
}
