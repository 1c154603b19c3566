package driver

import (
	"context"
	"slices"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// CreateVolumeGroupSnapshot copies several volumes, one after the other while nothing else is done.
func (d *Driver) CreateVolumeGroupSnapshot(ctx context.Context, r *csi.CreateVolumeGroupSnapshotRequest) (
	*csi.CreateVolumeGroupSnapshotResponse, error,
) {
	if d.now().NoGroup { // as a server without the service answers
		return nil, status.Error(codes.Unimplemented, "unknown service csi.v1.GroupController")
	}
	if r.Name == "" || len(r.SourceVolumeIds) == 0 {
		return nil, invalid("name and source volumes are required")
	}
	if err := d.obey(ctx, r.Name, r.SourceVolumeIds...); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	id := handle("group", r.Name)
	if members, ok := d.groups[id]; ok {
		if err := d.whole(id); err != nil {
			return nil, err
		}
		if !d.cutOf(members, r.SourceVolumeIds) {
			return nil, status.Errorf(codes.AlreadyExists, "group %s is of other volumes", r.Name)
		}
	} else if err := d.cutGroup(id, r); err != nil {
		return nil, err
	}
	return &csi.CreateVolumeGroupSnapshotResponse{GroupSnapshot: d.describeGroup(id)}, nil
}

// whole fails if a snapshot of a group is no more: see Forget.
func (d *Driver) whole(group string) error {
	for _, m := range d.groups[group] {
		if d.snapshots[m] == nil {
			return status.Errorf(codes.NotFound, "group %s lacks snapshot %s", group, m)
		}
	}
	return nil
}

// cutOf reports whether snapshots are of these volumes.
func (d *Driver) cutOf(snapshots, volumes []string) bool {
	var have []string
	for _, s := range snapshots {
		have = append(have, d.snapshots[s].volume)
	}
	return slices.Equal(slices.Sorted(slices.Values(have)), slices.Sorted(slices.Values(volumes)))
}

// cutGroup makes all of a group or nothing.
func (d *Driver) cutGroup(id string, r *csi.CreateVolumeGroupSnapshotRequest) error {
	var members []string
	for _, v := range r.SourceVolumeIds {
		member := handle("snapshot", r.Name+"/"+v)
		if err := d.cut(member, v, id); err != nil {
			for _, m := range members {
				d.drop(m)
			}
			return err
		}
		members = append(members, member)
	}
	d.groups[id] = members
	return nil
}

// describeGroup is a group as CSI has it.
func (d *Driver) describeGroup(id string) *csi.VolumeGroupSnapshot {
	group := &csi.VolumeGroupSnapshot{GroupSnapshotId: id, ReadyToUse: true}
	for _, member := range d.groups[id] {
		s := d.describe(member)
		group.Snapshots = append(group.Snapshots, s)
		group.CreationTime = s.CreationTime
		group.ReadyToUse = group.ReadyToUse && s.ReadyToUse
	}
	return group
}

// GetVolumeGroupSnapshot gives a group.
func (d *Driver) GetVolumeGroupSnapshot(_ context.Context, r *csi.GetVolumeGroupSnapshotRequest) (
	*csi.GetVolumeGroupSnapshotResponse, error,
) {
	if r.GroupSnapshotId == "" {
		return nil, invalid("group id is required")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.groups[r.GroupSnapshotId]; !ok {
		return nil, status.Errorf(codes.NotFound, "no group %q", r.GroupSnapshotId)
	}
	if err := d.whole(r.GroupSnapshotId); err != nil {
		return nil, err
	}
	return &csi.GetVolumeGroupSnapshotResponse{GroupSnapshot: d.describeGroup(r.GroupSnapshotId)}, nil
}

// DeleteVolumeGroupSnapshot removes a group with its snapshots. One that is not there is removed.
func (d *Driver) DeleteVolumeGroupSnapshot(_ context.Context, r *csi.DeleteVolumeGroupSnapshotRequest) (
	*csi.DeleteVolumeGroupSnapshotResponse, error,
) {
	if r.GroupSnapshotId == "" {
		return nil, invalid("group id is required")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, member := range d.groups[r.GroupSnapshotId] {
		if err := d.drop(member); err != nil {
			return nil, err
		}
	}
	delete(d.groups, r.GroupSnapshotId)
	return &csi.DeleteVolumeGroupSnapshotResponse{}, nil
}
