package driver

import (
	"context"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// CreateSnapshot copies a volume.
func (d *Driver) CreateSnapshot(ctx context.Context, r *csi.CreateSnapshotRequest) (*csi.CreateSnapshotResponse, error) {
	if r.Name == "" || r.SourceVolumeId == "" {
		return nil, invalid("name and source volume are required")
	}
	if err := d.obey(ctx, r.Name, r.SourceVolumeId); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	id := handle("snapshot", r.Name)
	have := d.snapshots[id]
	if have != nil && have.volume != r.SourceVolumeId {
		return nil, status.Errorf(codes.AlreadyExists, "snapshot %s is of another volume", r.Name)
	}
	if have == nil {
		if err := d.cut(id, r.SourceVolumeId, ""); err != nil {
			return nil, err
		}
	}
	return &csi.CreateSnapshotResponse{Snapshot: d.describe(id)}, nil
}

// obey has the temper decide when volumes are cut, and whether they are.
func (d *Driver) obey(ctx context.Context, name string, volumes ...string) error {
	temper := d.now()
	for _, volume := range volumes {
		if temper.FailCreate == nil {
			break
		}
		if err := temper.FailCreate(name, volume); err != nil {
			return err
		}
	}
	select {
	case <-time.After(temper.CreateTime):
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

// cut copies a volume at this moment.
func (d *Driver) cut(id, of, group string) error {
	v := d.volumes[of]
	if v == nil {
		return status.Errorf(codes.NotFound, "no volume %q", of)
	}
	s := &snapshot{volume: of, group: group, size: v.size, cut: time.Now()}
	if err := copyTo(d.store.snapshot(id), d.store.data(of)); err != nil {
		return status.Errorf(codes.Internal, "copy volume %s: %v", of, err)
	}
	d.snapshots[id] = s
	return nil
}

// describe is a snapshot as CSI has it.
func (d *Driver) describe(id string) *csi.Snapshot {
	s := d.snapshots[id]
	return &csi.Snapshot{
		SnapshotId: id, SourceVolumeId: s.volume, GroupSnapshotId: s.group, SizeBytes: s.size,
		CreationTime: timestamppb.New(s.cut), ReadyToUse: time.Since(s.cut) >= d.temper.ReadyAfter,
	}
}

// DeleteSnapshot removes a snapshot that is not of a group. One that is not there is removed.
func (d *Driver) DeleteSnapshot(_ context.Context, r *csi.DeleteSnapshotRequest) (*csi.DeleteSnapshotResponse, error) {
	if r.SnapshotId == "" {
		return nil, invalid("snapshot id is required")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.snapshots[r.SnapshotId]; s != nil && s.group != "" {
		return nil, invalid("the snapshot is of group " + s.group)
	}
	return &csi.DeleteSnapshotResponse{}, d.drop(r.SnapshotId)
}

// drop removes a snapshot.
func (d *Driver) drop(id string) error {
	if d.snapshots[id] == nil {
		return nil
	}
	if err := os.RemoveAll(d.store.snapshot(id)); err != nil {
		return status.Errorf(codes.Internal, "delete snapshot: %v", err)
	}
	delete(d.snapshots, id)
	return nil
}

// ListSnapshots gives snapshots in the order of their handles. A token is how many to leave out.
func (d *Driver) ListSnapshots(_ context.Context, r *csi.ListSnapshotsRequest) (*csi.ListSnapshotsResponse, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.temper.NoList {
		return nil, status.Error(codes.Unimplemented, "no listing")
	}
	all := slices.DeleteFunc(slices.Sorted(maps.Keys(d.snapshots)), func(id string) bool {
		return r.SnapshotId != "" && r.SnapshotId != id ||
			r.SourceVolumeId != "" && r.SourceVolumeId != d.snapshots[id].volume
	})
	first, err := strconv.Atoi("0" + r.StartingToken)
	if err != nil || first > len(all) {
		return nil, status.Errorf(codes.Aborted, "unknown token %q", r.StartingToken)
	}
	response, end := new(csi.ListSnapshotsResponse), len(all)
	if r.MaxEntries > 0 && first+int(r.MaxEntries) < end {
		end = first + int(r.MaxEntries)
		response.NextToken = strconv.Itoa(end)
	}
	for _, id := range all[first:end] {
		response.Entries = append(response.Entries, &csi.ListSnapshotsResponse_Entry{Snapshot: d.describe(id)})
	}
	return response, nil
}
