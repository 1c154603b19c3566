package tree

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/clustersnap/clustersnap/manifests"
)

const (
	formatVersion = 1
	indexName     = "index.json"
)

// index is the file that git sees: nothing in it changes unless an object does, or what could be listed.
type index struct {
	selection manifests.Selection
	secrets   Secrets
	outcomes  []manifests.Outcome // without what changes from one dump to the next
	records   []*record           // sorted by key
}

func (ix *index) write(w io.Writer) error {
	return ix.writeEach(w, func(each func(*record)) error {
		for _, r := range ix.records {
			each(r)
		}
		return nil
	})
}

// writeEach writes the index with the records that walk hands on, sorted.
func (ix *index) writeEach(w io.Writer, walk func(each func(*record)) error) error {
	p := newPrinter(w)
	p.field("selection", appendSelection(nil, ix.selection))
	p.field("secrets", appendString(nil, ix.secrets.String()))
	p.list("resources", ",", len(ix.outcomes), func(b []byte, i int) []byte { return appendOutcome(b, &ix.outcomes[i]) })
	p.open("objects")
	if err := walk(func(r *record) { p.item(r.append) }); err != nil {
		return err
	}
	p.close("")
	return p.end()
}

// find gives the record of a key, or nil.
func (ix *index) find(k manifests.Key) *record {
	at, found := slices.BinarySearchFunc(ix.records, k, func(r *record, k manifests.Key) int { return r.Compare(k) })
	if !found {
		return nil
	}
	return ix.records[at]
}

// indexReader reads an index record by record. It trusts nothing. There is one way to write an index, so each line is
// written again and held against what was read: then no other reader can take it for something else.
type indexReader struct {
	index // without records
	l     *lines
	items *itemList
	known words
	last  *record
	again []byte
}

// newIndexReader reads what comes before the records.
func newIndexReader(r io.Reader) (*indexReader, error) {
	x := &indexReader{l: newLines(r), known: words{}}
	if err := x.l.begin(); err != nil {
		return nil, err
	}
	if err := x.readHeader(x.l); err != nil {
		return nil, err
	}
	err := x.l.list("resources", ",", func(item []byte) error {
		var o manifests.Outcome
		if err := json.Unmarshal(item, &o); err != nil {
			return err
		}
		x.outcomes = append(x.outcomes, o)
		return same(item, appendOutcome(nil, &o))
	})
	if err == nil {
		x.items, err = x.l.items("objects", "")
	}
	return x, err
}

// next gives the next record, or nil behind the last, when all has been read to its end.
func (x *indexReader) next() (*record, error) {
	item, ok, err := x.items.next()
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, x.l.end()
	}
	r, err := parseRecord(item, x.known)
	if err != nil {
		return nil, x.l.wrong("%w", err)
	}
	if x.last != nil && x.last.Compare(r.Key) >= 0 {
		return nil, x.l.wrong("%v is there twice or out of order", r.Key)
	}
	x.last, x.again = r, r.append(x.again[:0])
	if err := same(item, x.again); err != nil {
		return nil, x.l.wrong("%w", err)
	}
	return r, nil
}

func readIndex(r io.Reader) (*index, error) {
	x, err := newIndexReader(r)
	if err != nil {
		return nil, err
	}
	ix := &x.index
	for {
		r, err := x.next()
		if err != nil {
			return nil, err
		}
		if r == nil {
			return ix, nil
		}
		ix.records = append(ix.records, r)
	}
}

func (ix *index) readHeader(l *lines) error {
	value, err := l.field("selection")
	if err != nil {
		return err
	}
	if ix.selection, err = parseSelection(value); err != nil {
		return l.wrong("%w", err)
	}
	if value, err = l.field("secrets"); err != nil {
		return err
	}
	secrets, ok := parseSecrets(string(bytes.Trim(value, `"`)))
	if !ok || string(value) != `"`+secrets.String()+`"` {
		return l.wrong("%.40q is no way to treat Secrets", value)
	}
	ix.secrets = secrets
	return nil
}

// same refuses a line that is not as it would be written.
func same(line, written []byte) error {
	if !bytes.Equal(line, written) {
		return errors.New("it is not as it would be written: a key or a value is unknown, there twice or out of order")
	}
	return nil
}

func appendSelection(b []byte, s manifests.Selection) []byte {
	b = appendPair(append(b, '{'), "level", levelNames[s.Level])
	b = appendPair(b, "labelSelector", s.LabelSelector)
	if len(s.Classes) > 0 {
		b = append(appendKey(b, "classes"), '[')
		for i, c := range s.Classes {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, string(c))
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

var levelNames = [...]string{manifests.Portable: "portable", manifests.Faithful: "faithful"}

func parseSelection(line []byte) (manifests.Selection, error) {
	var raw struct {
		Level         string
		LabelSelector string
		Classes       []manifests.Class
	}
	if err := json.Unmarshal(line, &raw); err != nil {
		return manifests.Selection{}, err
	}
	level := slices.Index(levelNames[:], raw.Level)
	if level < 0 {
		return manifests.Selection{}, fmt.Errorf("%.40q is no level", raw.Level)
	}
	s := manifests.Selection{Level: manifests.Level(level), LabelSelector: raw.LabelSelector, Classes: raw.Classes}
	return s, same(line, appendSelection(nil, s))
}

// appendOutcome leaves out what changes though no object does.
func appendOutcome(b []byte, o *manifests.Outcome) []byte {
	b = appendPair(append(b, '{'), "group", o.Group)
	b = appendPair(b, "version", o.Version)
	b = appendPair(b, "resource", o.Resource.Resource)
	b = appendPair(b, "kind", o.Kind)
	b = appendTrue(b, "namespaced", o.Namespaced)
	b = appendTrue(b, "status", o.Status)
	b = appendPair(b, "namespace", o.Namespace)
	return append(appendPair(b, "state", string(o.State)), '}')
}

func appendTrue(b []byte, key string, value bool) []byte {
	if !value {
		return b
	}
	return append(appendKey(b, key), "true"...)
}
