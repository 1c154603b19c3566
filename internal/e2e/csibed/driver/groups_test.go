package driver

import (
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/clustersnap/clustersnap/internal/e2e/trial"
)

// TestForgottenMember holds that a group is not found whose snapshot an administrator has removed, and can be deleted.
func TestForgottenMember(t *testing.T) {
	d := Start(t, Options{})
	made, err := d.CreateVolume(t.Context(), &csi.CreateVolumeRequest{
		Name: "data", VolumeCapabilities: []*csi.VolumeCapability{{}},
	})
	trial.Must(t, err)
	ask := &csi.CreateVolumeGroupSnapshotRequest{Name: "all", SourceVolumeIds: []string{made.Volume.VolumeId}}
	cut, err := d.CreateVolumeGroupSnapshot(t.Context(), ask)
	trial.Must(t, err)
	d.Forget(t, cut.GroupSnapshot.Snapshots[0].SnapshotId)

	id := cut.GroupSnapshot.GroupSnapshotId
	_, again := d.CreateVolumeGroupSnapshot(t.Context(), ask)
	_, get := d.GetVolumeGroupSnapshot(t.Context(), &csi.GetVolumeGroupSnapshotRequest{GroupSnapshotId: id})
	for _, err := range []error{again, get} {
		if status.Code(err) != codes.NotFound {
			t.Errorf("the error is %v", err)
		}
	}
	_, err = d.DeleteVolumeGroupSnapshot(t.Context(), &csi.DeleteVolumeGroupSnapshotRequest{GroupSnapshotId: id})
	trial.Must(t, err)
	if _, err := d.CreateVolumeGroupSnapshot(t.Context(), ask); err != nil {
		t.Errorf("the group can't be cut again: %v", err)
	}
}
