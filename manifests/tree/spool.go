package tree

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"

	"github.com/clustersnap/clustersnap/manifests"
)

// Spool is a [manifests.Receiver] for a dump that goes into one archive and never into a directory, as that of a backup
// set, whose Secrets are to reach no disk in the clear. What comes is written to one stream, such as an encrypted file;
// [Spool.Saved] then gives the tree of it, and [Saved.Pack] the archive. In memory is what the index says of each object,
// some 0.5 KiB. It is for one goroutine at a time.
//
//	spool := tree.NewSpool(w)
//	report, err := cluster.Dump(ctx, spool, manifests.Options{})
//	if err != nil {
//		return err
//	}
//	saved, err := spool.Saved(report, r) // r reads what w has written
//	if err != nil {
//		return err
//	}
//	err = saved.Pack(dst)
type Spool struct {
	dst   io.Writer
	size  int64
	known words
	at    map[fingerprint]int64 // where an object lies
	list  []*record
}

// NewSpool writes to dst what a dump hands on. Secrets are included as they are.
func NewSpool(dst io.Writer) *Spool { return &Spool{dst: dst} }

// Begin begins a dump, and forgets the one before: its bytes stay in the stream.
func (s *Spool) Begin(manifests.Instant) error {
	s.known, s.at, s.list = words{}, map[fingerprint]int64{}, nil
	return nil
}

// Object writes one object.
func (s *Spool) Object(o *manifests.Object) error {
	if err := s.add(o); err != nil {
		return fmt.Errorf("spool %v: %w", o.Key, err)
	}
	return nil
}

func (s *Spool) add(o *manifests.Object) error {
	if s.at == nil {
		return errNoDump
	}
	r := newRecord(o, s.known)
	r.size = int64(len(o.YAML))
	if err := r.check(); err != nil {
		return err
	}
	if raw, err := hex.DecodeString(o.Hash); err != nil || copy(r.sum[:], raw) != len(r.sum) {
		return fmt.Errorf("its hash %q is no SHA-256", o.Hash)
	}
	f := fingerprintOf(Path(r.Key))
	if _, twice := s.at[f]; twice {
		return errTwice
	}
	if _, err := s.dst.Write(o.YAML); err != nil {
		return err
	}
	s.at[f] = s.size
	s.size += r.size
	s.list = append(s.list, r)
	return nil
}

// Saved gives the dump that was received as a tree, with the report that [manifests.Cluster.Dump] gave of it. The
// objects are read from src, which has to have what was written, and checked as they are. The spool takes no more of this
// dump.
func (s *Spool) Saved(report *manifests.Report, src io.ReaderAt) (*Saved, error) {
	if s.at == nil {
		return nil, fmt.Errorf("end spool: %w", errNoDump)
	}
	if report.Objects != len(s.list) {
		return nil, fmt.Errorf("end spool: the report is of %d objects, and %d came", report.Objects, len(s.list))
	}
	slices.SortFunc(s.list, func(a, b *record) int { return a.Compare(b.Key) })
	saved := &Saved{
		report: *report,
		index: &index{
			selection: report.Selection, secrets: Include, outcomes: quiet(report.Outcomes), records: s.list,
		},
		spool: &spooled{src, s.at},
	}
	hash := sha256.New()
	if err := saved.index.write(hash); err != nil {
		return nil, fmt.Errorf("end spool: %w", err)
	}
	saved.state = &state{index: [32]byte(hash.Sum(nil)), report: *report}
	s.at, s.list = nil, nil
	return saved, nil
}

// spooled is where the objects of a Spool are.
type spooled struct {
	src io.ReaderAt
	at  map[fingerprint]int64
}

func (s *spooled) open(r *record) (io.ReadCloser, error) {
	at, ok := s.at[fingerprintOf(Path(r.Key))]
	if !ok {
		return nil, errNoDump
	}
	return io.NopCloser(io.NewSectionReader(s.src, at, r.size)), nil
}
