package volstuck

import (
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed/driver"
	"github.com/clustersnap/clustersnap/volsnap"
)

func controllerStopped(t *testing.T, s *scene) {
	s.Controller.Stop(t)
	s.take(t, "one", s.lists.Name)
	s.want(t, "one", volsnap.CauseNoController, true)
	s.Controller.Start(t)
	s.Ready(t, s.namespace, "one")
}

func sidecarStopped(t *testing.T, s *scene) {
	sidecar := s.Sidecars[s.lists.Name]
	sidecar.Stop(t)
	s.take(t, "one", s.lists.Name)
	s.want(t, "one", volsnap.CauseNoSidecar, true)
	sidecar.Start(t)
	s.want(t, "one", volsnap.CauseReady, true)
}

func absentDriversClass(t *testing.T, s *scene) {
	s.class(t, "absent", "absent.csi.test")
	s.take(t, "one", "absent")
	s.want(t, "one", volsnap.CauseOtherDriver, false)
	// Nothing says so, ever, and yet nobody waits for it.
	if _, err := s.cluster.Wait(stuck(t), []volsnap.Snapshot{{Namespace: s.namespace, Name: "one"}}); !errors.Is(err, volsnap.ErrStuck) {
		t.Errorf("the wait has ended with %v", err)
	}
}

// otherDriversClass has a driver asked for a volume that it has never heard of.
func otherDriversClass(t *testing.T, s *scene) {
	s.take(t, "one", s.liar.Name)
	s.Until(t, csibed.Snapshots, s.namespace, "one", complains)
	s.want(t, "one", volsnap.CauseOtherDriver, false)
}

func classMissing(t *testing.T, s *scene) {
	s.take(t, "one", "nowhere")
	s.want(t, "one", volsnap.CauseClassMissing, false)
}

func noDefaultClass(t *testing.T, s *scene) {
	s.take(t, "one", "")
	s.want(t, "one", volsnap.CauseNoDefault, false)
}

func severalDefaultClasses(t *testing.T, s *scene) {
	const isDefault = "snapshot.storage.kubernetes.io/is-default-class"
	s.class(t, "first", s.lists.Name, isDefault, "true")
	s.class(t, "second", s.lists.Name, isDefault, "true")
	s.take(t, "one", "")
	s.want(t, "one", volsnap.CauseSeveralDefaults, false)
}

func claimUnbound(t *testing.T, s *scene) {
	s.MakeClaim(t, csibed.Claim(s.namespace, "waiting", csibed.Waiting(s.lists.Name)))
	s.Snapshot(t, s.namespace, "one", "waiting", s.lists.Name)
	s.want(t, "one", volsnap.CauseClaimUnbound, true)
}

func claimMissing(t *testing.T, s *scene) {
	s.Snapshot(t, s.namespace, "one", "nowhere", s.lists.Name)
	s.want(t, "one", volsnap.CauseClaimMissing, false)
}

func volumeNotCSI(t *testing.T, s *scene) {
	const name = "plain"
	_, err := s.Client.CoreV1().PersistentVolumes().Create(stuck(t), &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeSpec{
			StorageClassName: name, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Capacity:               corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Mi")},
			PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/nowhere"}},
		},
	}, metav1.CreateOptions{})
	must(t, err)
	s.Claims(t, s.namespace, name, name)
	s.Snapshot(t, s.namespace, "one", name, s.lists.Name)
	s.want(t, "one", volsnap.CauseNotCSI, false)
}

// driverSlow has a call that lasts longer than the sidecar waits, which asks again.
func driverSlow(t *testing.T, s *scene) {
	s.temper(t, driver.Temper{CreateTime: time.Hour})
	s.take(t, "one", s.lists.Name)
	s.want(t, "one", volsnap.CauseDriverWorking, true)
	s.Until(t, csibed.Snapshots, s.namespace, "one", complains)
	s.want(t, "one", volsnap.CauseDriverError, true)
	s.lists.Set(driver.Temper{})
	s.Ready(t, s.namespace, "one")
}

func driverUploads(t *testing.T, s *scene) {
	s.temper(t, driver.Temper{ReadyAfter: time.Hour})
	s.take(t, "one", s.lists.Name)
	s.Until(t, csibed.Snapshots, s.namespace, "one", cut)
	s.want(t, "one", volsnap.CauseDriverWorking, true)
	s.lists.Set(driver.Temper{})
	s.want(t, "one", volsnap.CauseReady, true)
}

// driverRefuses has an error that is final for a try, and is tried again all the same.
func driverRefuses(t *testing.T, s *scene) { s.failing(t, codes.InvalidArgument) }

// driverUnavailable has one after which a snapshot may exist.
func driverUnavailable(t *testing.T, s *scene) { s.failing(t, codes.Unavailable) }

func (s *scene) failing(t *testing.T, code codes.Code) {
	s.temper(t, driver.Temper{FailCreate: func(string, string) error { return status.Error(code, "the disk is on fire") }})
	s.take(t, "one", s.lists.Name)
	s.Until(t, csibed.Snapshots, s.namespace, "one", complains)
	s.want(t, "one", volsnap.CauseDriverError, true)
	s.lists.Set(driver.Temper{})
	s.want(t, "one", volsnap.CauseReady, true)
}

// blind may see snapshots alone, which say less: nothing of that is a state that can't heal.
func blind(t *testing.T, s *scene) {
	c := s.only(t, "blind", csibed.Snapshots)
	sidecar := s.Sidecars[s.lists.Name]
	sidecar.Stop(t)
	s.take(t, "one", s.lists.Name)
	s.until(t, c.Diagnose, "one", volsnap.CauseDriverWorking, true)
	s.temper(t, driver.Temper{FailCreate: func(string, string) error { return status.Error(codes.Internal, "the disk is on fire") }})
	sidecar.Start(t)
	s.until(t, c.Diagnose, "one", volsnap.CauseDriverError, true)
	s.lists.Set(driver.Temper{})
	s.until(t, c.Diagnose, "one", volsnap.CauseReady, true)
}
