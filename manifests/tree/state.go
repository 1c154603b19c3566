package tree

import (
	"encoding/hex"
	"encoding/json"
	"io"

	"github.com/clustersnap/clustersnap/manifests"
)

// state is what changes with each dump though no object does, so git does not see it. It belongs to one index: beside
// another, as after a checkout, it says nothing.
type state struct {
	index  [32]byte // SHA-256 of the index
	report manifests.Report
	rows   []row // one for each record of the index, in its order
}

type row struct {
	UID             string `json:"uid,omitempty"`
	ResourceVersion string `json:"resourceVersion,omitempty"`
	AsOf            string `json:"asOf,omitempty"`
	Modified        int64  `json:"modified,omitempty"`
}

func (s *state) write(w io.Writer, records []*record) error {
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
	p.list("objects", "", len(records), func(b []byte, i int) []byte {
		r := records[i]
		return p.json(b, row{UID: r.uid, ResourceVersion: r.resourceVersion, AsOf: r.asOf, Modified: r.modified})
	})
	return p.end()
}

// maxWhy keeps a line in its bounds, whatever a server had to say.
const maxWhy = 4 << 10

func readState(r io.Reader) (*state, error) {
	l := newLines(r)
	if err := l.begin(); err != nil {
		return nil, err
	}
	s := &state{}
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
	if err := l.list("outcomes", ",", func(item []byte) error {
		var o manifests.Outcome
		err := json.Unmarshal(item, &o)
		s.report.Outcomes = append(s.report.Outcomes, o)
		return err
	}); err != nil {
		return nil, err
	}
	if err := l.list("objects", "", func(item []byte) error {
		var one row
		err := json.Unmarshal(item, &one)
		s.rows = append(s.rows, one)
		return err
	}); err != nil {
		return nil, err
	}
	return s, l.end()
}

// apply adds to the records of an index what its own state knows. It reports whether it is that index's.
func (s *state) apply(ix *index, digest [32]byte) bool {
	if s.index != digest || len(s.rows) != len(ix.records) {
		return false
	}
	for i, one := range s.rows {
		r := ix.records[i]
		r.uid, r.resourceVersion, r.asOf, r.modified = one.UID, one.ResourceVersion, one.AsOf, one.Modified
	}
	return true
}
