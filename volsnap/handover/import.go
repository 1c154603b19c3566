package handover

import (
	"context"
	"errors"
	"fmt"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/internal/adopt"
)

// ErrUnknownDriver is the error of a record whose driver the cluster does not have.
var ErrUnknownDriver = adopt.ErrUnknownDriver

// ErrClass is the error of a VolumeSnapshotClass that is of another driver or not there, or of a choice that is the caller's.
var ErrClass = adopt.ErrClass

// ErrTaken is the error of a name that another snapshot has.
var ErrTaken = adopt.ErrTaken

// ErrHandleMissing is the error of a handle that the driver does not have: deleted, or of another storage.
var ErrHandleMissing = adopt.ErrHandleMissing

// ImportOptions are how to import.
type ImportOptions struct {
	// Class is the VolumeSnapshotClass, whose Secrets the driver is given. If it is empty: the class of the record's name if it
	// is of the driver, or else the driver's default one, or its only one.
	Class string
}

// Import makes a snapshot of the record by the name, and waits until it is ready, the driver says that there is none, or ctx
// ends. Doing it again changes nothing and waits on; if driver, handle, mode, claim or time of the cut are others, it is
// ErrTaken. Import elsewhere as often as you like: the policy is Retain, so no cluster that imports can delete what another
// one has, and the label clustersnap.github.io/imported keeps it from being pruned.
//
// A driver that can't list its snapshots makes any handle ready. The snapshot is Unverified then, as is one whose record does
// not say when it was cut: only a restore proves that it is there.
//
// If ErrHandleMissing, nothing is left behind. If ctx ends, what was made stays, for the next call.
func Import(
	ctx context.Context, c *volsnap.Cluster, r Record, namespace, name string, opts ImportOptions,
) (*volsnap.Snapshot, error) {
	s, err := importRecord(ctx, c, r, namespace, name, opts)
	if err != nil {
		return nil, fmt.Errorf("import snapshot %s/%s: %w", namespace, name, err)
	}
	return s, nil
}

func importRecord(
	ctx context.Context, c *volsnap.Cluster, r Record, namespace, name string, opts ImportOptions,
) (*volsnap.Snapshot, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	pair, err := adopt.Import(ctx, c.Dynamic(), adopt.Handle{
		Driver: r.Driver, Handle: r.Handle, Class: opts.Class, TheirClass: r.Class, Mode: r.Mode, Claim: r.Claim, Cut: r.Cut,
	}, namespace, name)
	if err != nil {
		return nil, err
	}
	err = adopt.Ready(ctx, c.Dynamic(), pair)
	if errors.Is(err, adopt.ErrHandleMissing) {
		return nil, errors.Join(err, adopt.Remove(ctx, c.Dynamic(), pair))
	}
	if err != nil && ctx.Err() != nil && r.GroupHandle != "" {
		return nil, fmt.Errorf("%w; it is a member of group %q, for which the controllers want a VolumeGroupSnapshotContent of that "+
			"handle: make one, with the policy Retain, and import again", err, r.GroupHandle)
	}
	if err != nil {
		return nil, err
	}
	snapshot, content, err := adopt.Read(ctx, c.Dynamic(), namespace, name)
	if err != nil {
		return nil, err
	}
	return view(&r, snapshot, content), nil
}
