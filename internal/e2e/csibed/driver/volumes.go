package driver

import (
	"context"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// minSize is the size of a volume for which none is asked.
const minSize = 1 << 20

func invalid(what string) error { return status.Error(codes.InvalidArgument, what) }

// CreateVolume makes a volume, empty or filled from a snapshot or another volume.
func (d *Driver) CreateVolume(_ context.Context, r *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	if r.Name == "" || len(r.VolumeCapabilities) == 0 {
		return nil, invalid("name and capabilities are required")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	wanted := &volume{size: max(minSize, r.GetCapacityRange().GetRequiredBytes())}
	from, err := d.source(r.VolumeContentSource, wanted)
	if err != nil {
		return nil, err
	}
	id := handle("volume", r.Name)
	switch have := d.volumes[id]; {
	case have == nil:
		if err := d.store.create(id, from, wanted.size); err != nil {
			return nil, status.Errorf(codes.Internal, "create volume: %v", err)
		}
		d.volumes[id] = wanted
	case *have != *wanted:
		return nil, status.Errorf(codes.AlreadyExists, "volume %s has another size or source", r.Name)
	}
	return &csi.CreateVolumeResponse{Volume: &csi.Volume{
		VolumeId: id, CapacityBytes: wanted.size, ContentSource: r.VolumeContentSource,
	}}, nil
}

// source finds what a volume is to be filled from, "" for nothing, and notes it.
func (d *Driver) source(s *csi.VolumeContentSource, wanted *volume) (path string, err error) {
	switch {
	case s.GetSnapshot() != nil:
		id := s.GetSnapshot().SnapshotId
		from := d.snapshots[id]
		if from == nil {
			return "", status.Errorf(codes.NotFound, "no snapshot %q", id)
		}
		if time.Since(from.cut) < d.temper.ReadyAfter {
			return "", status.Errorf(codes.Unavailable, "snapshot %s is not ready", id)
		}
		if wanted.size < from.size {
			return "", status.Errorf(codes.OutOfRange, "snapshot %s needs %d bytes, not %d", id, from.size, wanted.size)
		}
		wanted.source = "snapshot " + id
		return d.store.snapshot(id), nil
	case s.GetVolume() != nil:
		id := s.GetVolume().VolumeId
		if d.volumes[id] == nil {
			return "", status.Errorf(codes.NotFound, "no volume %q", id)
		}
		wanted.source = "volume " + id
		return d.store.data(id), nil
	}
	return "", nil
}

// DeleteVolume removes a volume. One that is not there is removed.
func (d *Driver) DeleteVolume(_ context.Context, r *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	if r.VolumeId == "" {
		return nil, invalid("volume id is required")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.volumes[r.VolumeId] != nil {
		if err := d.store.remove(r.VolumeId); err != nil {
			return nil, status.Errorf(codes.Internal, "delete volume: %v", err)
		}
		delete(d.volumes, r.VolumeId)
	}
	return &csi.DeleteVolumeResponse{}, nil
}

// ValidateVolumeCapabilities confirms all capabilities.
func (d *Driver) ValidateVolumeCapabilities(_ context.Context, r *csi.ValidateVolumeCapabilitiesRequest) (
	*csi.ValidateVolumeCapabilitiesResponse, error,
) {
	if r.VolumeId == "" || len(r.VolumeCapabilities) == 0 {
		return nil, invalid("volume id and capabilities are required")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.volumes[r.VolumeId] == nil {
		return nil, status.Errorf(codes.NotFound, "no volume %q", r.VolumeId)
	}
	return &csi.ValidateVolumeCapabilitiesResponse{Confirmed: &csi.ValidateVolumeCapabilitiesResponse_Confirmed{
		VolumeContext: r.VolumeContext, VolumeCapabilities: r.VolumeCapabilities, Parameters: r.Parameters,
	}}, nil
}
