package proof

import (
	"context"
	"iter"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

// selected reports whether the selection of the dump takes an object, as a dump of it alone from etcd would. An error says
// that this can't be told.
func (j *judge) selected(ctx context.Context, s stored) (bool, error) {
	var got one
	var failed error
	want := j.report.Selection
	_, err := j.decoder.Dump(ctx, alone(s.kv), j.report.Instant, &got, storage.Selection{
		LabelSelector: want.LabelSelector, Classes: want.Classes,
		Failed: func(_ *mvccpb.KeyValue, err error) { failed = err },
	})
	if err == nil {
		err = failed
	}
	return got > 0, err
}

// one counts what it receives.
type one int

func (n *one) Begin(manifests.Instant) error  { return nil }
func (n *one) Object(*manifests.Object) error { *n++; return nil }

func alone(kv *mvccpb.KeyValue) iter.Seq2[*mvccpb.KeyValue, error] {
	return func(yield func(*mvccpb.KeyValue, error) bool) { yield(kv, nil) }
}
