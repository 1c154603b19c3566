package csibed

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/go-logr/logr"
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	snapshots "github.com/kubernetes-csi/external-snapshotter/client/v8/clientset/versioned"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed/driver"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
)

// modeChange allows another volume mode than the snapshot has, on its content.
const modeChange = "snapshot.storage.kubernetes.io/allow-volume-mode-change"

// provisioner makes the volumes of one driver.
type provisioner struct {
	driver    string
	csi       csi.ControllerClient
	snapshots snapshots.Interface
}

// provision prepares to make volumes for claims of a driver, which run begins and the end of the test ends. Those of all
// drivers are prepared before one runs: the library adds to the scheme that they read by.
func (b *Bed) provision(t testing.TB, d *driver.Driver) (run func()) {
	t.Helper()
	connection, err := grpc.NewClient("unix:"+d.Socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	trial.Must(t, err)
	client, err := snapshots.NewForConfig(b.Config)
	trial.Must(t, err)
	ctx, cancel := context.WithCancel(klog.NewContext(context.Background(), logr.Discard()))
	var workers sync.WaitGroup
	c := controller.NewProvisionController(ctx, b.Client, d.Name,
		&provisioner{d.Name, csi.NewControllerClient(connection), client},
		controller.LeaderElection(false), controller.Threadiness(10),
		// What has failed is tried again soon; the stock provisioner waits up to 5 min.
		controller.RetryIntervalMax(5*time.Second),
	)
	t.Cleanup(func() {
		cancel()
		workers.Wait()
		connection.Close()
	})
	return func() { workers.Go(func() { c.Run(ctx) }) }
}

// Provision makes a volume for a claim.
func (p *provisioner) Provision(ctx context.Context, o controller.ProvisionOptions) (
	*corev1.PersistentVolume, controller.ProvisioningState, error,
) {
	size := o.PVC.Spec.Resources.Requests[corev1.ResourceStorage]
	source, err := p.source(ctx, o.PVC)
	if err != nil {
		return nil, controller.ProvisioningNoChange, err
	}
	made, err := p.csi.CreateVolume(ctx, &csi.CreateVolumeRequest{
		Name: o.PVName, CapacityRange: &csi.CapacityRange{RequiredBytes: size.Value()},
		Parameters: o.StorageClass.Parameters, VolumeContentSource: source,
		VolumeCapabilities: []*csi.VolumeCapability{{
			AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{}},
			AccessMode: &csi.VolumeCapability_AccessMode{Mode: csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER},
		}},
	})
	switch status.Code(err) {
	case codes.OK:
	case codes.DeadlineExceeded, codes.Unavailable, codes.Aborted: // it may have begun
		return nil, controller.ProvisioningInBackground, err
	default:
		return nil, controller.ProvisioningFinished, err
	}
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: o.PVName},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:    corev1.ResourceList{corev1.ResourceStorage: size},
			AccessModes: o.PVC.Spec.AccessModes, VolumeMode: o.PVC.Spec.VolumeMode,
			PersistentVolumeReclaimPolicy: *o.StorageClass.ReclaimPolicy,
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				CSI: &corev1.CSIPersistentVolumeSource{Driver: p.driver, VolumeHandle: made.Volume.VolumeId},
			},
		},
	}, controller.ProvisioningFinished, nil
}

// source is the snapshot that a claim is to be filled from, if any, after the checks of getSnapshotSource in
// pkg/controller/controller.go of kubernetes-csi/external-provisioner.
func (p *provisioner) source(ctx context.Context, claim *corev1.PersistentVolumeClaim) (*csi.VolumeContentSource, error) {
	from := claim.Spec.DataSource
	if from == nil {
		return nil, nil
	}
	if from.Kind != "VolumeSnapshot" || from.APIGroup == nil || *from.APIGroup != snapshotv1.GroupName {
		return nil, fmt.Errorf("data source %s is not supported", from.Kind)
	}
	snapshot, err := p.snapshots.SnapshotV1().VolumeSnapshots(claim.Namespace).Get(ctx, from.Name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	state := snapshot.Status
	if snapshot.DeletionTimestamp != nil {
		return nil, fmt.Errorf("snapshot %s is being deleted", from.Name)
	}
	if state == nil || state.BoundVolumeSnapshotContentName == nil || state.ReadyToUse == nil || !*state.ReadyToUse {
		return nil, fmt.Errorf("snapshot %s is not ready", from.Name)
	}
	name := *state.BoundVolumeSnapshotContentName
	content, err := p.snapshots.SnapshotV1().VolumeSnapshotContents().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	if err := p.fits(claim, snapshot, content); err != nil {
		return nil, err
	}
	return &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Snapshot{
		Snapshot: &csi.VolumeContentSource_SnapshotSource{SnapshotId: *content.Status.SnapshotHandle},
	}}, nil
}

// fits says what keeps a claim from being filled from a snapshot that is ready.
func (p *provisioner) fits(
	claim *corev1.PersistentVolumeClaim, s *snapshotv1.VolumeSnapshot, c *snapshotv1.VolumeSnapshotContent,
) error {
	switch ref := c.Spec.VolumeSnapshotRef; {
	case ref.UID != s.UID || ref.Namespace != s.Namespace || ref.Name != s.Name:
		return fmt.Errorf("content %s is bound to another snapshot than %s", c.Name, s.Name)
	case c.Spec.Driver != p.driver:
		return fmt.Errorf("content %s is of driver %s, not %s", c.Name, c.Spec.Driver, p.driver)
	case c.Status == nil || c.Status.SnapshotHandle == nil:
		return fmt.Errorf("content %s has no handle", c.Name)
	}
	size, needed := claim.Spec.Resources.Requests[corev1.ResourceStorage], s.Status.RestoreSize
	if needed != nil && size.Cmp(*needed) < 0 {
		return fmt.Errorf("requested volume size %s is less than the size %s for the source snapshot %s",
			size.String(), needed.String(), s.Name)
	}
	was, is := c.Spec.SourceVolumeMode, claim.Spec.VolumeMode
	if was != nil && is != nil && *was != *is && c.Annotations[modeChange] != "true" {
		return errors.New("requested volume mode differs from that of the source snapshot " + s.Name)
	}
	return nil
}

// Delete removes the volume of a PersistentVolume.
func (p *provisioner) Delete(ctx context.Context, volume *corev1.PersistentVolume) error {
	_, err := p.csi.DeleteVolume(ctx, &csi.DeleteVolumeRequest{VolumeId: volume.Spec.CSI.VolumeHandle})
	return err
}

// SupportsBlock says that claims may ask for block devices: what they get are files, which nobody attaches here.
func (p *provisioner) SupportsBlock(context.Context) bool { return true }
