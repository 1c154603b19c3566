package volstuck

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed/driver"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/volsnap"
)

var must, stuck = trial.Must, trial.Context

// callTimeout is for a call of the sidecar to the driver: the stock minute is too long to wait for.
const callTimeout = time.Second

// scene is a cluster with a namespace, and a claim in it, for the test that looks at it.
type scene struct {
	*csibed.Bed
	cluster   *volsnap.Cluster
	lists     *driver.Driver // lists its snapshots
	liar      *driver.Driver // does not, and takes no groups
	namespace string
}

// claim is bound to a volume of the driver that lists.
const claim = "data"

func TestStuck(t *testing.T) {
	lists := driver.Start(t, driver.Options{Name: "lists.csi.test"})
	liar := driver.Start(t, driver.Options{Name: "liar.csi.test", Temper: driver.Temper{NoList: true, NoGroup: true}})
	b := csibed.Start(t, bed.ControlPlane(t, bed.Options{}), csibed.Options{
		Drivers: []*driver.Driver{lists, liar}, CallTimeout: callTimeout,
	})
	cluster, err := volsnap.NewCluster(b.Config)
	must(t, err)
	tests := map[string]func(*testing.T, *scene){
		"controller stopped": controllerStopped, "sidecar stopped": sidecarStopped,
		"class of a driver that is not there": absentDriversClass, "class of another driver": otherDriversClass,
		"class missing": classMissing, "no default class": noDefaultClass, "several default classes": severalDefaultClasses,
		"claim unbound": claimUnbound, "claim missing": claimMissing, "volume not CSI": volumeNotCSI,
		"driver slow": driverSlow, "driver uploads": driverUploads,
		"no right to see contents": blind, "driver refuses": driverRefuses, "driver is not there": driverUnavailable,
		"import of no content": importOfNothing, "import of another's content": importOfAnothers,
		"import of a volume's content": importOfVolumes, "import of no handle": importOfNoHandle, "import that lies": importThatLies,

		"group that is ready": groupReady, "group, controller stopped": groupControllerStopped,
		"group, sidecar stopped": groupSidecarStopped, "group of a driver without groups": groupWithoutDriver,
		"group of no claims": groupOfNothing, "group with an unbound claim": groupUnbound,
		"group with a volume not CSI": groupNotCSI, "group of two drivers": groupOfTwoDrivers,
		"group, class missing": groupClassMissing, "group, no default class": groupNoDefault,
		"group, several default classes": groupSeveralDefaults, "group, driver slow": groupSlow,
		"group, driver uploads": groupUploads, "group, driver refuses": groupRefuses,
		"group, driver never will": groupNeverWill, "group of no content": groupOfNoContent,
		"group of another's content": groupOfAnothers, "group, no right to see contents": groupBlind,
	}
	for i, name := range slices.Sorted(maps.Keys(tests)) {
		t.Run(name, func(t *testing.T) {
			s := &scene{b, cluster, lists, liar, fmt.Sprintf("stuck-%d", i)}
			b.Namespace(t, s.namespace)
			b.Claims(t, s.namespace, lists.Name, claim)
			tests[name](t, s)
		})
	}
}

// want waits until a snapshot is diagnosed so. On its way a snapshot passes through other states.
func (s *scene) want(t testing.TB, snapshot string, cause volsnap.Cause, heals bool) {
	t.Helper()
	s.until(t, s.cluster.Diagnose, snapshot, cause, heals)
}

// until waits until something is diagnosed so.
func (s *scene) until(
	t testing.TB, diagnose func(ctx context.Context, namespace, name string) (*volsnap.Diagnosis, error),
	snapshot string, cause volsnap.Cause, heals bool,
) {
	t.Helper()
	ctx, cancel := context.WithTimeout(stuck(t), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond) // several objects decide: a watch on one would not do
	defer tick.Stop()
	var last *volsnap.Diagnosis
	for {
		d, err := diagnose(ctx, s.namespace, snapshot)
		if err == nil {
			last = d
		}
		if err == nil && d.Cause == cause {
			if d.Heals != heals {
				t.Errorf("%s heals: %v, want %v: %v", snapshot, d.Heals, heals, d)
			}
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("snapshot %s is diagnosed as %v (error: %v), want %q", snapshot, last, err, cause)
		}
	}
}

// take makes a snapshot of the claim.
func (s *scene) take(t testing.TB, name, class string) {
	s.Snapshot(t, s.namespace, name, claim, class)
}

// adopt makes a snapshot of a content.
func (s *scene) adopt(t testing.TB, name, content string) {
	s.Create(t, csibed.Snapshots, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": csibed.Snapshots.GroupVersion().String(), "kind": "VolumeSnapshot",
		"metadata": map[string]any{"namespace": s.namespace, "name": name},
		"spec":     map[string]any{"source": map[string]any{"volumeSnapshotContentName": content}},
	}})
}

// content makes one of a handle, for a snapshot of the scene, and gives its name.
func (s *scene) content(t testing.TB, driver, handle, snapshot string) string {
	name := s.namespace + "-" + snapshot
	s.Create(t, csibed.Contents, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": csibed.Contents.GroupVersion().String(), "kind": "VolumeSnapshotContent",
		"metadata": map[string]any{"name": name},
		"spec": map[string]any{
			"deletionPolicy": "Retain", "driver": driver, "source": map[string]any{"snapshotHandle": handle},
			"volumeSnapshotRef": map[string]any{"namespace": s.namespace, "name": snapshot},
		},
	}})
	return name
}

// class makes a class until the end of the test.
func (s *scene) class(t testing.TB, name, driver string, annotations ...string) {
	s.MakeClass(t, name, driver, annotations...)
	t.Cleanup(func() {
		must(t, s.Dynamic.Resource(csibed.Classes).Delete(context.WithoutCancel(t.Context()), name, metav1.DeleteOptions{}))
	})
}

// temper sets that of the driver that lists, until the end of the test.
func (s *scene) temper(t testing.TB, temper driver.Temper) {
	s.lists.Set(temper)
	t.Cleanup(func() { s.lists.Set(driver.Temper{}) })
}
