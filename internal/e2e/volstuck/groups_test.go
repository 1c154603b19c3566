package volstuck

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed/driver"
	"github.com/clustersnap/clustersnap/volsnap"
)

// group makes a group of the claims of the scene that have the label of its name. A class "" names none.
func (s *scene) group(t testing.TB, name, class string, claims ...string) {
	t.Helper()
	for _, claim := range claims {
		_, err := s.Client.CoreV1().PersistentVolumeClaims(s.namespace).Patch(stuck(t), claim, types.MergePatchType,
			[]byte(`{"metadata": {"labels": {"of": "`+name+`"}}}`), metav1.PatchOptions{})
		must(t, err)
	}
	spec := map[string]any{"source": map[string]any{"selector": map[string]any{"matchLabels": map[string]any{"of": name}}}}
	if class != "" {
		spec["volumeGroupSnapshotClassName"] = class
	}
	s.makeGroup(t, name, spec)
}

func (s *scene) makeGroup(t testing.TB, name string, spec map[string]any) {
	t.Helper()
	s.Create(t, csibed.Groups, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": csibed.Groups.GroupVersion().String(), "kind": "VolumeGroupSnapshot",
		"metadata": map[string]any{"namespace": s.namespace, "name": name}, "spec": spec,
	}})
}

// wantGroup waits until a group is diagnosed so.
func (s *scene) wantGroup(t testing.TB, name string, cause volsnap.Cause, heals bool) {
	t.Helper()
	s.until(t, s.cluster.DiagnoseGroup, name, cause, heals)
}

// groupClass makes one until the end of the test.
func (s *scene) groupClass(t testing.TB, name, driver string) {
	t.Helper()
	s.Create(t, csibed.GroupClasses, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": csibed.GroupClasses.GroupVersion().String(), "kind": "VolumeGroupSnapshotClass",
		"metadata": map[string]any{"name": name, "annotations": map[string]any{
			"groupsnapshot.storage.kubernetes.io/is-default-class": "true",
		}},
		"driver": driver, "deletionPolicy": "Delete",
	}})
	t.Cleanup(func() {
		must(t, s.Dynamic.Resource(csibed.GroupClasses).Delete(context.WithoutCancel(t.Context()), name, metav1.DeleteOptions{}))
	})
}

func groupReady(t *testing.T, s *scene) {
	s.Claims(t, s.namespace, s.lists.Name, "other")
	s.group(t, "one", s.lists.Name, claim, "other")
	s.wantGroup(t, "one", volsnap.CauseReady, true)
}

func groupControllerStopped(t *testing.T, s *scene) {
	s.Controller.Stop(t)
	s.group(t, "one", s.lists.Name, claim)
	s.wantGroup(t, "one", volsnap.CauseNoController, true)
	s.Controller.Start(t)
	s.wantGroup(t, "one", volsnap.CauseReady, true)
}

func groupSidecarStopped(t *testing.T, s *scene) {
	sidecar := s.Sidecars[s.lists.Name]
	sidecar.Stop(t)
	s.group(t, "one", s.lists.Name, claim)
	s.wantGroup(t, "one", volsnap.CauseNoSidecar, true)
	sidecar.Start(t)
	s.wantGroup(t, "one", volsnap.CauseReady, true)
}

// groupWithoutDriver is of a driver that takes no groups, which its sidecar warns of when it starts, and asks all the same.
func groupWithoutDriver(t *testing.T, s *scene) {
	s.Claims(t, s.namespace, s.liar.Name, "lied")
	s.group(t, "one", s.liar.Name, "lied")
	s.wantGroup(t, "one", volsnap.CauseDriverError, false)
}

func groupOfNothing(t *testing.T, s *scene) {
	s.group(t, "one", s.lists.Name)
	s.Until(t, csibed.Groups, s.namespace, "one", complains)
	s.wantGroup(t, "one", volsnap.CauseClaimMissing, false)
}

func groupUnbound(t *testing.T, s *scene) {
	s.MakeClaim(t, csibed.Claim(s.namespace, "waiting", csibed.Waiting(s.lists.Name)))
	s.group(t, "one", s.lists.Name, claim, "waiting")
	s.Until(t, csibed.Groups, s.namespace, "one", complains)
	s.wantGroup(t, "one", volsnap.CauseClaimUnbound, true)
}

func groupNotCSI(t *testing.T, s *scene) {
	const name = "plain-of-group"
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
	s.group(t, "one", s.lists.Name, claim, name)
	s.Until(t, csibed.Groups, s.namespace, "one", complains)
	s.wantGroup(t, "one", volsnap.CauseNotCSI, false)
}

func groupOfTwoDrivers(t *testing.T, s *scene) {
	s.Claims(t, s.namespace, s.liar.Name, "lied")
	s.group(t, "one", s.lists.Name, claim, "lied")
	s.Until(t, csibed.Groups, s.namespace, "one", complains)
	s.wantGroup(t, "one", volsnap.CauseOtherDriver, false)
}

func groupClassMissing(t *testing.T, s *scene) {
	s.group(t, "one", "nowhere", claim)
	s.Until(t, csibed.Groups, s.namespace, "one", complains)
	s.wantGroup(t, "one", volsnap.CauseClassMissing, false)
}

func groupNoDefault(t *testing.T, s *scene) {
	s.group(t, "one", "", claim)
	s.Until(t, csibed.Groups, s.namespace, "one", complains)
	s.wantGroup(t, "one", volsnap.CauseNoDefault, false)
}

func groupSeveralDefaults(t *testing.T, s *scene) {
	s.groupClass(t, "first", s.lists.Name)
	s.groupClass(t, "second", s.lists.Name)
	s.group(t, "one", "", claim)
	s.Until(t, csibed.Groups, s.namespace, "one", complains)
	s.wantGroup(t, "one", volsnap.CauseSeveralDefaults, false)
}

// groupSlow has a call that lasts longer than the sidecar waits, which asks again.
func groupSlow(t *testing.T, s *scene) {
	s.temper(t, driver.Temper{CreateTime: time.Hour})
	s.group(t, "one", s.lists.Name, claim)
	s.wantGroup(t, "one", volsnap.CauseDriverWorking, true)
	s.wantGroup(t, "one", volsnap.CauseDriverError, true)
	s.lists.Set(driver.Temper{})
	s.wantGroup(t, "one", volsnap.CauseReady, true)
}

func groupUploads(t *testing.T, s *scene) {
	s.temper(t, driver.Temper{ReadyAfter: time.Hour})
	s.group(t, "one", s.lists.Name, claim)
	s.Until(t, csibed.Groups, s.namespace, "one", cut)
	s.wantGroup(t, "one", volsnap.CauseDriverWorking, true)
	s.lists.Set(driver.Temper{})
	s.wantGroup(t, "one", volsnap.CauseReady, true)
}

func groupRefuses(t *testing.T, s *scene) {
	s.temper(t, driver.Temper{FailCreate: func(string, string) error { return status.Error(codes.Internal, "the disk is on fire") }})
	s.group(t, "one", s.lists.Name, claim)
	s.wantGroup(t, "one", volsnap.CauseDriverError, true)
	s.lists.Set(driver.Temper{})
	s.wantGroup(t, "one", volsnap.CauseReady, true)
}

// groupNeverWill has the codes of a driver that takes no groups, or not of such volumes.
func groupNeverWill(t *testing.T, s *scene) {
	for name, code := range map[string]codes.Code{"never": codes.Unimplemented, "not-these": codes.InvalidArgument} {
		s.temper(t, driver.Temper{FailCreate: func(string, string) error { return status.Error(code, "not in a group") }})
		s.group(t, name, s.lists.Name, claim)
		s.wantGroup(t, name, volsnap.CauseDriverError, false)
	}
}

func groupOfNoContent(t *testing.T, s *scene) {
	s.makeGroup(t, "one", map[string]any{"source": map[string]any{"volumeGroupSnapshotContentName": "nowhere"}})
	s.wantGroup(t, "one", volsnap.CauseContentMissing, false)
}

// groupOfAnothers adopts the content of another group.
func groupOfAnothers(t *testing.T, s *scene) {
	s.group(t, "one", s.lists.Name, claim)
	s.wantGroup(t, "one", volsnap.CauseReady, true)
	one, err := s.Dynamic.Resource(csibed.Groups).Namespace(s.namespace).Get(stuck(t), "one", metav1.GetOptions{})
	must(t, err)
	content, _, _ := unstructured.NestedString(one.Object, "status", "boundVolumeGroupSnapshotContentName")
	s.makeGroup(t, "two", map[string]any{"source": map[string]any{"volumeGroupSnapshotContentName": content}})
	s.wantGroup(t, "two", volsnap.CauseBoundElsewhere, false)
}

// only is the cluster for a user who may get one kind of objects, and nothing else.
func (s *scene) only(t testing.TB, user string, at schema.GroupVersionResource) *volsnap.Cluster {
	t.Helper()
	_, err := s.Client.RbacV1().ClusterRoles().Create(stuck(t), &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{at.Group}, Resources: []string{at.Resource}, Verbs: []string{"get"}}},
	}, metav1.CreateOptions{})
	must(t, err)
	_, err = s.Client.RbacV1().ClusterRoleBindings().Create(stuck(t), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: user},
		Subjects:   []rbacv1.Subject{{Kind: "User", APIGroup: rbacv1.GroupName, Name: user}},
	}, metav1.CreateOptions{})
	must(t, err)
	config := rest.CopyConfig(s.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated"}}
	blind, err := volsnap.NewCluster(config)
	must(t, err)
	return blind
}

// groupBlind may see groups alone. A driver that has not answered and one that nobody asked look alike then.
func groupBlind(t *testing.T, s *scene) {
	blind := s.only(t, "blind-group", csibed.Groups)
	sidecar := s.Sidecars[s.lists.Name]
	sidecar.Stop(t)
	s.group(t, "none", s.lists.Name)
	s.group(t, "one", s.lists.Name, claim)
	s.until(t, blind.DiagnoseGroup, "one", volsnap.CauseDriverWorking, true)
	s.until(t, blind.DiagnoseGroup, "none", volsnap.CauseControllerError, true)
	sidecar.Start(t)
	s.until(t, blind.DiagnoseGroup, "one", volsnap.CauseReady, true)
	d, err := blind.DiagnoseGroup(stuck(t), s.namespace, "none")
	must(t, err)
	if !strings.Contains(d.Detail, "not applied to any PVC") {
		t.Errorf("the diagnosis says %v, and not what the controller does", d)
	}
}
