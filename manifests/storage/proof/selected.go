package proof

import (
	"context"
	"errors"
	"iter"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

// selected reports whether the selection of the dump takes an object, as a dump of it alone from etcd would. An error says that this
// can't be told.
func (j *judge) selected(ctx context.Context, s stored) (bool, error) {
	var got one
	want := j.report.Selection
	report, err := j.decoder.Dump(ctx, alone(s.kv), j.report.Instant, &got,
		storage.Selection{LabelSelector: want.LabelSelector, Classes: want.Classes})
	if err != nil {
		return false, err
	}
	if lost := report.Missing(); len(lost) > 0 {
		return false, errors.New(lost[0].Why)
	}
	return got > 0, nil
}

// one counts what it receives.
type one int

func (n *one) Begin(manifests.Instant) error  { return nil }
func (n *one) Object(*manifests.Object) error { *n++; return nil }

func alone(kv *mvccpb.KeyValue) iter.Seq2[*mvccpb.KeyValue, error] {
	return func(yield func(*mvccpb.KeyValue, error) bool) { yield(kv, nil) }
}
