package storage

import (
	"context"
	"fmt"
	"iter"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests"
)

// Selection narrows what a dump hands on. The zero value is everything.
type Selection struct {
	// Exclude says which resources are left out. Nil leaves out none.
	Exclude func(manifests.Resource) bool
	// Namespaces limits the dump to these. What belongs to no namespace is then excluded.
	Namespaces []string
	// LabelSelector limits the dump to objects whose labels match, in the syntax of kubectl get -l.
	LabelSelector string
	// Classes limits what is handed on. Empty is all.
	Classes []manifests.Class
}

// Dump hands the objects of keys to a receiver, and reports what it saw and what it could not read.
func (d *Decoder) Dump(
	ctx context.Context, keys iter.Seq2[*mvccpb.KeyValue, error], at manifests.Instant, to manifests.Receiver, s Selection,
) (*manifests.Report, error) {
	report := &manifests.Report{Instant: at, Selection: manifests.Selection{Level: d.level}}
	if err := to.Begin(at); err != nil {
		return report, fmt.Errorf("dump keys: %w", err)
	}
	var w worker
	for kv, err := range keys {
		if err != nil {
			return report, fmt.Errorf("dump keys: %w", err)
		}
		if object, err := d.object(&w, kv); err == nil {
			if err := to.Object(object); err != nil {
				return report, fmt.Errorf("dump keys: %w", err)
			}
			report.Objects++
		}
	}
	return report, nil
}
