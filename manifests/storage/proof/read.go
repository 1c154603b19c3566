package proof

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

const (
	// version is that of the format of a proof.
	version = 1
	// maxProof bounds what is read. What [Complete] makes is less.
	maxProof = 128 << 20
)

// ErrNewer says that a proof is of a later version of this library.
var ErrNewer = errors.New("the proof has a newer format than this program knows")

// Read reads a proof from the JSON of one, of at most 128 MiB. Errors wrap [ErrNewer], or say what is wrong. A proof is
// worth as much as the place that it comes from: whoever can write there can write a better one.
func Read(r io.Reader) (*Proof, error) {
	p, err := read(r)
	if err != nil {
		return nil, fmt.Errorf("read proof: %w", err)
	}
	return p, nil
}

func read(r io.Reader) (*Proof, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxProof+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxProof {
		return nil, fmt.Errorf("it has more than %d bytes", maxProof)
	}
	var head struct{ Version int }
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, err
	}
	if head.Version > version {
		return nil, fmt.Errorf("%w: %d, and not %d", ErrNewer, head.Version, version)
	}
	p := new(Proof)
	if err := json.Unmarshal(b, p); err != nil {
		return nil, err
	}
	return p, p.check()
}

// check refuses what no proof says: a good end beside a finding that spoils it.
func (p *Proof) check() error {
	switch {
	case p.Version != version:
		return fmt.Errorf("its version is %d, want %d", p.Version, version)
	case p.Strength != Exact && p.Strength != Weaker && p.Strength != APIOnly:
		return fmt.Errorf("%.40q is no strength of a proof", p.Strength)
	case p.Keys < 0 || p.Objects < 0 || p.Matched < 0 || p.Unlisted < 0:
		return errors.New("it has less than none of something")
	}
	for is, n := range p.Counts {
		if !slices.Contains(kinds[:], is) {
			return fmt.Errorf("%.40q is no kind of a finding", is)
		}
		if n < 0 {
			return fmt.Errorf("it counts %d that are %q", n, is)
		}
	}
	left := maps.Clone(p.Counts) // counting down, no sum is too large
	for _, f := range p.Findings {
		if !slices.Contains(kinds[:], f.Is) {
			return fmt.Errorf("%.40q is no kind of a finding", f.Is)
		}
		if f.Count < 0 {
			return fmt.Errorf("a finding that is %q stands for %d", f.Is, f.Count)
		}
		n := max(1, f.Count)
		if left[f.Is] < n {
			return fmt.Errorf("its findings are %q more often than the %d that it counts", f.Is, p.Counts[f.Is])
		}
		left[f.Is] -= n
	}
	return nil
}
