package tree

import (
	"crypto/sha256"
	"errors"
	"io"

	"github.com/clustersnap/clustersnap/manifests"
)

// merged is what the tree is to hold: the objects of the dump, and those that it keeps. They are not in memory: each walk
// reads them again.
type merged struct {
	index
	tree    *Tree
	seen    *seen
	sealed  map[manifests.Key]*record // Secrets that are kept, and lay there in the clear
	digest  [sha256.Size]byte
	removes []string
}

// fate is what becomes of an object.
type fate int

const (
	came fate = iota // it is in the dump
	kept             // nobody knows whether it has gone
	gone
)

// walk hands on each object that the tree has or is to have, sorted: the record as it was, nil if it is new, and the one
// that is to be, nil if the object has gone.
func (m *merged) walk(each func(f fate, old, next *record) error) (err error) {
	before := &peeked{ended: true}
	if m.tree.known {
		old, openErr := openFormer(m.tree.root, m.tree.digest)
		if openErr != nil {
			return openErr
		}
		defer func() { err = errors.Join(err, old.close()) }()
		before = &peeked{next: old.next}
	}
	sorted, err := m.tree.dump.runs.sorted()
	if err != nil {
		return err
	}
	fresh := &peeked{next: sorted.next}
	for {
		old, err := before.peek()
		if err != nil {
			return err
		}
		next, err := fresh.peek()
		if err != nil {
			return err
		}
		if old == nil && next == nil {
			return nil
		}
		if old == nil || next != nil && old.Compare(next.Key) > 0 {
			old = nil
		} else {
			before.take()
		}
		if next == nil || old != nil && old.Key != next.Key {
			next = nil
		} else {
			fresh.take()
		}
		f := came
		if next == nil {
			if f, next, err = m.without(old); err != nil {
				return err
			}
		}
		if err := each(f, old, next); err != nil {
			return err
		}
	}
}

// without decides what becomes of an object that did not come.
func (m *merged) without(old *record) (fate, *record, error) {
	if m.seen.gone(old.Key) {
		return gone, nil, nil
	}
	next, err := m.keep(old)
	return kept, next, err
}

// records hands on what the tree is to hold.
func (m *merged) records(each func(*record)) error {
	return m.walk(func(_ fate, _, next *record) error {
		if next != nil {
			each(next)
		}
		return nil
	})
}

func (m *merged) writeIndex(w io.Writer) error { return m.writeEach(w, m.records) }

// peeked is a source of records whose next one can be looked at.
type peeked struct {
	next  func() (*record, error)
	head  *record
	ended bool
}

// peek gives the next record, or nil behind the last.
func (p *peeked) peek() (r *record, err error) {
	if p.head == nil && !p.ended {
		p.head, err = p.next()
		p.ended = p.head == nil
	}
	return p.head, err
}

func (p *peeked) take() { p.head = nil }
