package demonode

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const pageKeys = 500

// Record is what etcd says about one key. The value is kept as its SHA-256,
// so that a dump holds no secret and two records compare with ==.
type Record struct {
	Value          [sha256.Size]byte
	CreateRevision int64
	ModRevision    int64
	Version        int64
	Lease          int64
}

// Dump reads all keys at the revision of its first page. A compaction in between makes a later page
// fail with rpctypes.ErrCompacted.
func Dump(ctx context.Context, kv clientv3.KV) (map[string]Record, error) {
	records := map[string]Record{}
	next, revision := "", int64(0)
	for {
		page, err := kv.Get(ctx, next, clientv3.WithFromKey(), clientv3.WithLimit(pageKeys), clientv3.WithRev(revision))
		if err != nil {
			return nil, fmt.Errorf("dump keys: %w", err)
		}
		if revision == 0 {
			revision = page.Header.Revision
		}
		for _, pair := range page.Kvs {
			records[string(pair.Key)] = Record{
				Value:          sha256.Sum256(pair.Value),
				CreateRevision: pair.CreateRevision,
				ModRevision:    pair.ModRevision,
				Version:        pair.Version,
				Lease:          pair.Lease,
			}
			next = string(pair.Key) + "\x00"
		}
		if !page.More {
			return records, nil
		}
	}
}

// Diff says in sorted sentences what differs between two dumps, a taken before b. It is empty if they are equal.
func Diff(a, b map[string]Record) []string {
	var sentences []string
	for key, before := range a {
		after, kept := b[key]
		switch {
		case !kept:
			sentences = append(sentences, key+" is gone")
		case before.Value != after.Value:
			sentences = append(sentences, key+" has another value")
		case before != after:
			sentences = append(sentences, fmt.Sprintf("%s has the same value, but %s became %s", key, before, after))
		}
	}
	for key := range b {
		if _, known := a[key]; !known {
			sentences = append(sentences, key+" is new")
		}
	}
	slices.Sort(sentences)
	return sentences
}

// String gives the numbers of a record, as etcd's revisions are usually written down.
func (r Record) String() string {
	return fmt.Sprintf("created %d, modified %d, version %d, lease %d", r.CreateRevision, r.ModRevision, r.Version, r.Lease)
}
