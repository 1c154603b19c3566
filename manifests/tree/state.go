package tree

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/clustersnap/clustersnap/manifests"
)

// state is what changes with each dump though no object does, so git does not see it. It belongs to one index: beside
// another, as after a checkout, it says nothing.
type state struct {
	index  [32]byte // SHA-256 of the index
	report manifests.Report
	rows   []row // one for each record of the index, in its order
}

// row is what the state says of a record.
type row struct {
	uid, resourceVersion, asOf string
	modified                   int64
}

func (r row) append(b []byte) []byte {
	b = appendPair(append(b, '{'), "uid", r.uid)
	b = appendPair(b, "resourceVersion", r.resourceVersion)
	b = appendPair(b, "asOf", r.asOf)
	if r.modified != 0 {
		b = strconv.AppendInt(appendKey(b, "modified"), r.modified, 10)
	}
	return append(b, '}')
}

func parseRow(line []byte) (r row, err error) {
	err = eachPair(line, func(key, value []byte) (err error) {
		switch string(key) {
		case "uid":
			r.uid = string(value)
		case "resourceVersion":
			r.resourceVersion = string(value)
		case "asOf":
			r.asOf = string(value)
		case "modified":
			r.modified, err = strconv.ParseInt(string(value), 10, 64)
		default:
			err = fmt.Errorf("%.40q is no key of a state", key)
		}
		return err
	})
	return r, err
}

func (s *state) write(w io.Writer, records []*record) error {
	return s.writeEach(w, func(each func(*record)) error {
		for _, r := range records {
			each(r)
		}
		return nil
	})
}

// writeEach writes the state with what it says of the records that walk hands on, sorted.
func (s *state) writeEach(w io.Writer, walk func(each func(*record)) error) error {
	p := newPrinter(w)
	p.field("index", appendString(nil, hex.EncodeToString(s.index[:])))
	at, err := json.Marshal(s.report.Instant)
	if err != nil {
		return err
	}
	p.field("instant", at)
	p.list("outcomes", ",", len(s.report.Outcomes), func(b []byte, i int) []byte {
		o := s.report.Outcomes[i]
		o.Why = o.Why[:min(len(o.Why), maxWhy)]
		return p.json(b, o)
	})
	p.open("objects")
	if err := walk(func(r *record) { p.item(r.row().append) }); err != nil {
		return err
	}
	p.close("")
	return p.end()
}

// maxWhy keeps a line in its bounds, whatever a server had to say.
const maxWhy = 4 << 10

// stateReader reads a state row by row.
type stateReader struct {
	state // without rows
	l     *lines
	items *itemList
	again []byte
}

// newStateReader reads what comes before the rows.
func newStateReader(r io.Reader) (*stateReader, error) {
	s := &stateReader{l: newLines(r)}
	l := s.l
	if err := l.begin(); err != nil {
		return nil, err
	}
	value, err := l.field("index")
	if err != nil {
		return nil, err
	}
	var digest string
	if err := json.Unmarshal(value, &digest); err != nil {
		return nil, l.wrong("%w", err)
	}
	if raw, err := hex.DecodeString(digest); err != nil || copy(s.index[:], raw) != len(s.index) {
		return nil, l.wrong("%.80q is no digest", digest)
	}
	if value, err = l.field("instant"); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(value, &s.report.Instant); err != nil {
		return nil, l.wrong("%w", err)
	}
	err = l.list("outcomes", ",", func(item []byte) error {
		var o manifests.Outcome
		err := json.Unmarshal(item, &o)
		s.report.Outcomes = append(s.report.Outcomes, o)
		return err
	})
	if err == nil {
		s.items, err = l.items("objects", "")
	}
	return s, err
}

// next gives the next row, or false behind the last, when all has been read to its end.
func (s *stateReader) next() (row, bool, error) {
	item, ok, err := s.items.next()
	if err != nil {
		return row{}, false, err
	}
	if !ok {
		return row{}, false, s.l.end()
	}
	one, err := parseRow(item)
	if err == nil {
		s.again = one.append(s.again[:0])
		err = same(item, s.again)
	}
	if err != nil {
		return row{}, false, s.l.wrong("%w", err)
	}
	return one, true, nil
}

func readState(r io.Reader) (*state, error) {
	in, err := newStateReader(r)
	if err != nil {
		return nil, err
	}
	s := &in.state
	for {
		one, ok, err := in.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			return s, nil
		}
		s.rows = append(s.rows, one)
	}
}

// apply adds to the records of an index what its own state knows. It reports whether it is that index's.
func (s *state) apply(ix *index, digest [32]byte) bool {
	if s.index != digest || len(s.rows) != len(ix.records) {
		return false
	}
	for i, one := range s.rows {
		ix.records[i].know(one)
	}
	return true
}
