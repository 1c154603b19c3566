package main

import (
	"context"
	"fmt"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/pair"
)

// paired holds the files of a node against the objects of a snapshot.
func paired(ctx context.Context, bundle *pkibundle.Bundle, db *etcdsnap.Snapshot) ([]pair.Result, error) {
	var stopped error
	results := pair.With(bundle, func(yield func(key, value []byte) bool) {
		for kv, err := range db.Range(ctx, "", 0) {
			if stopped = err; err != nil || !yield(kv.Key, kv.Value) {
				return
			}
		}
	})
	return results, stopped
}

// strangers is an error for files that do not belong to a snapshot.
func strangers(results []pair.Result) error {
	for _, r := range results {
		if r.State == pair.Mismatch {
			return fmt.Errorf("the files of the backup do not belong to its snapshot: %s: %s", r.Subject, r.Why)
		}
	}
	return nil
}
