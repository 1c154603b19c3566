package manifests

import (
	"context"
	"fmt"
	"slices"
)

// Versions gives the entry of every object of the cluster at one instant, sorted by key, without their content: the
// server sends metadata only. Two entries with the same UID and ResourceVersion are of the same content. They have no Hash,
// and their Class is what metadata tells. It is [Cluster.Dump] otherwise; the entries are held in memory, at some 500 bytes
// each.
func (c *Cluster) Versions(ctx context.Context, opts Options) ([]Entry, *Report, error) {
	var all entries
	report, err := c.dump(ctx, &all, opts, metadataForm())
	if err != nil {
		return nil, report, fmt.Errorf("list versions: %w", err)
	}
	slices.SortFunc(all.list, func(a, b Entry) int { return a.Compare(b.Key) })
	return all.list, report, nil
}

// entries collects those of a dump.
type entries struct{ list []Entry }

func (e *entries) Begin(Instant) error {
	e.list = e.list[:0]
	return nil
}

func (e *entries) Object(o *Object) error {
	e.list = append(e.list, o.Entry)
	return nil
}
