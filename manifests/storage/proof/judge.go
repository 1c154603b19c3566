package proof

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

// judge holds one dump against one store.
type judge struct {
	// inSelection reports whether the selection of the dump takes an object. An error says that this can't be told.
	inSelection func(context.Context, stored) (bool, error)

	opts     Options
	decoder  *storage.Decoder
	instant  int64 // of the dump
	revision int64 // of the keys
	report   *manifests.Report
	labels   labels.Selector // of the dump
	covered  *coverage
	dumped   *dumped
	ledger   *ledger

	seen    map[gr]int // how many keys each kind has
	keyed   int
	matched int
	since   map[string]*since       // what Events told, by key
	missed  map[string]bool         // keys that are known to be missing in the dump; filled for events only
	tombs   map[manifests.Key]int64 // the revisions at which they were deleted

	unproved int // objects of the dump that are no more, with nothing to show that they ever were there
}

func newJudge(ctx context.Context, d Dump, opts Options) (*judge, error) {
	instant, err := instantOf(d.Report)
	if err != nil {
		return nil, err
	}
	j := &judge{opts: opts, instant: instant, report: d.Report, covered: newCoverage(d.Report), ledger: newLedger(),
		seen: map[gr]int{}, since: map[string]*since{}, missed: map[string]bool{}}
	j.inSelection = j.selected
	if j.labels, err = labels.Parse(d.Report.Selection.LabelSelector); err != nil {
		return nil, fmt.Errorf("read label selector of the dump: %w", err)
	}
	if j.decoder, err = storage.NewDecoder(storage.Options{Prefix: opts.Prefix, Encryption: opts.Encryption}); err != nil {
		return nil, err
	}
	if j.dumped, err = load(ctx, d, j.ledger); err != nil {
		j.close()
		return nil, err
	}
	return j, nil
}

func (j *judge) close() { j.decoder.Close() }

// stored is one key, and what its value tells, or an object that the API server lists.
type stored struct {
	manifests.Key
	use         storage.Use
	purpose     string           // of an Internal key
	kv          *mvccpb.KeyValue // nil if an API server lists it
	create, mod int64            // create is 0 if that is not known
	version     string           // mod as the API server has it, which may be no number
	kind, uid   string
	class       manifests.Class // as far as metadata tells, if an API server lists it
	turned      bool            // the selection does not take it now, and may have taken it before
}

// read finds out what a key and its value tell. Of an encrypted value that can't be opened kind and uid are not known.
func (j *judge) read(kv *mvccpb.KeyValue) stored {
	place := storage.Locate(kv.Key, j.opts.Prefix)
	s := stored{purpose: place.For, kv: kv, create: kv.CreateRevision, mod: kv.ModRevision}
	if place.Use == storage.Object || place.Use == storage.Unknown {
		m, _ := storage.ReadMeta(kv.Value) // one that is damaged tells less
		if m.Encoding == storage.Encrypted {
			if e, err := j.decoder.Entry(kv); err == nil {
				m.Kind, m.UID = e.Kind, e.UID
			}
		}
		place = place.With(m)
		s.kind, s.uid = m.Kind, m.UID
	}
	s.Key, s.use = place.Key, place.Use
	return s
}

// finding begins a finding.
func (s stored) finding(is Kind) Finding {
	f := Finding{Is: is, Key: s.Key, ObjectKind: s.kind, UID: s.uid, ModRevision: s.mod}
	if s.kv != nil {
		f.EtcdKey = string(s.kv.Key)
	}
	return f
}

// keys judges each key, one after the other.
func (j *judge) keys(ctx context.Context, keys iter.Seq2[*mvccpb.KeyValue, error]) error {
	for kv, err := range keys {
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		j.keyed++
		if err := j.key(ctx, j.read(kv)); err != nil {
			return err
		}
	}
	return nil
}

func (j *judge) key(ctx context.Context, s stored) error {
	if s.use == storage.Object {
		j.seen[grOf(s.Key)]++
	}
	r := j.dumped.find(s)
	if r != nil {
		j.seen[grOf(r.Key)]++ // whatever the key calls it
		return j.both(s, r)
	}
	switch {
	case s.use == storage.Internal:
		j.ledger.tally(Finding{Is: Internal, EtcdKey: segments(s.kv.Key, 2), Why: s.purpose})
	case s.use == storage.Outside:
		j.ledger.tally(Finding{Is: Outside, EtcdKey: segments(s.kv.Key, 1), Why: outside(s.kv.Key)})
	case s.create > j.instant:
		f := s.finding(Created)
		f.Why = fmt.Sprintf("it was created at revision %d, after the dump at %d", s.create, j.instant)
		j.ledger.add(f)
	default:
		j.missed[string(s.kv.Key)] = true
		return j.absent(ctx, s)
	}
	return nil
}

// segments is the beginning of a key, to its n-th part.
func segments(key []byte, n int) string {
	for i := 1; i < len(key); i++ {
		if key[i] == '/' {
			if n--; n == 0 {
				return string(key[:i])
			}
		}
	}
	return string(key)
}

func outside(key []byte) string {
	if string(key) == "compact_rev_key" {
		return "the API servers agree there on when to compact etcd"
	}
	return "it is not below the prefix: another program has put it there, and a dump of the API does not have it"
}

// rest judges the objects of the dump that have no key.
func (j *judge) rest() {
	for i := range j.dumped.rows {
		r := &j.dumped.rows[i]
		if r.matched || r.lost {
			continue
		}
		f := Finding{Is: Unstored, Key: r.Key, UID: r.uid, ResourceVersion: r.version}
		o := j.covered.of(r.Key)
		switch {
		case o.Clock != "":
			f.Is, f.Why = Elsewhere, "its kind is of another store, and was listed as of "+o.Clock
			j.ledger.tally(f.alike())
			continue
		case o.State == manifests.NotStored:
			f.Is, f.Why = Elsewhere, "it is computed on request"
			j.ledger.tally(f.alike())
			continue
		case o.State != manifests.Listed:
			f.Is, f.Why = Deleted, "the dump has kept it from an earlier one, and it is no more: "+unlisted(o)
		case j.revision > j.instant:
			f.Is, f.Why = Deleted, fmt.Sprintf("it was deleted at revision %d, after the dump at %d", j.deletion(r.Key), j.instant)
			if j.deletion(r.Key) == 0 {
				f.Why = fmt.Sprintf("it is no more at %d; whether it was there at %d is compacted", j.revision, j.instant)
				j.unproved++
			}
		case r.rv > j.revision:
			f.Is, f.Why = Created, fmt.Sprintf("it was created after revision %d of the keys", j.revision)
		default:
			f.Why = fmt.Sprintf("etcd has no such key at revision %d", j.revision)
		}
		j.ledger.add(f)
	}
	for _, f := range j.covered.unchecked(j.seen) {
		j.ledger.add(f)
	}
}

// proof is what all that comes to.
func (j *judge) proof() *Proof {
	p := &Proof{
		Version: version, Strength: Exact, Dump: j.report.Instant, Selection: j.report.Selection, Revision: j.revision,
		Keys: j.keyed, Objects: len(j.dumped.rows), Matched: j.matched,
		Counts: j.ledger.counts, Findings: j.ledger.sorted(), Unlisted: j.ledger.unlisted,
	}
	p.Selection.Classes = slices.Clone(p.Selection.Classes)
	switch {
	case j.revision > j.instant:
		p.Strength = Weaker
		p.Blind = []string{
			"What was there at the dump and was deleted before the history in this etcd begins has left no trace.",
			"Of what was changed after the dump, only the later state is known.",
		}
		if j.unproved > 0 {
			p.Blind = append(p.Blind, fmt.Sprintf("Of %d objects of the dump that are no more, "+
				"it is not known whether they ever were in this etcd.", j.unproved))
		}
	case j.revision < j.instant:
		p.Strength = Weaker
		p.Blind = []string{"What was created between the keys and the dump is in neither, if the dump has missed it."}
	}
	return p
}
