package volsnap

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

func text(s string) *string { return &s }

// bound makes a claim that is bound to a volume of disk.example.
func bound() (*corev1.PersistentVolumeClaim, *corev1.PersistentVolume) {
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "data", UID: "u1", Labels: map[string]string{"app": "db"}},
		Spec: corev1.PersistentVolumeClaimSpec{
			VolumeName: "pv1", StorageClassName: text("fast"), AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		},
		Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound},
	}
	pv := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "pv1"},
		Spec: corev1.PersistentVolumeSpec{
			Capacity: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("2Gi")},
			ClaimRef: &corev1.ObjectReference{Namespace: "shop", Name: "data", UID: "u1"},
			PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{
				Driver: "disk.example", VolumeHandle: "h1", FSType: "ext4",
			}},
		},
	}
	return claim, pv
}

func TestClaimWithASnapshot(t *testing.T) {
	claim, pv := bound()
	p := &planner{
		served: true, classes: []*api.Class{class("c", "disk.example")}, volumes: map[string]*corev1.PersistentVolume{"pv1": pv},
	}
	want := Volume{
		Namespace: "shop", Claim: "data", PV: "pv1", Source: "csi", Driver: "disk.example", Handle: "h1", StorageClass: "fast",
		Class: "c", Mode: "Filesystem", Size: 2 << 30, AccessModes: []string{"ReadWriteOnce"}, FSType: "ext4",
		Labels: map[string]string{"app": "db"},
	}
	if got := p.claim(claim); !reflect.DeepEqual(got, want) {
		t.Errorf("the volume is %+v, want %+v", got, want)
	}
	pv.Spec.ClaimRef.UID = "" // of a volume that was made by hand for the claim
	if got := p.claim(claim); !reflect.DeepEqual(got, want) {
		t.Errorf("the volume is %+v, want %+v", got, want)
	}
	block := corev1.PersistentVolumeBlock
	claim.Spec.VolumeMode, claim.Spec.StorageClassName = &block, nil
	want.Mode, want.StorageClass = "Block", ""
	if got := p.claim(claim); !reflect.DeepEqual(got, want) {
		t.Errorf("the volume is %+v, want %+v", got, want)
	}
}

func TestClaimsWithoutASnapshot(t *testing.T) {
	translate := func(driver, handle string, err error) func(*corev1.PersistentVolume) (string, string, error) {
		return func(*corev1.PersistentVolume) (string, string, error) { return driver, handle, err }
	}
	inTree := corev1.PersistentVolumeSource{AWSElasticBlockStore: &corev1.AWSElasticBlockStoreVolumeSource{VolumeID: "vol-1"}}
	type scene struct {
		*planner
		claim *corev1.PersistentVolumeClaim
		pv    *corev1.PersistentVolume
	}
	for name, test := range map[string]struct {
		change func(s scene)
		want   Reason
		says   string
	}{
		"being deleted": {
			func(s scene) { s.claim.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }, ReasonDeleting, "deleted",
		},
		"lost": {func(s scene) { s.claim.Status.Phase = corev1.ClaimLost }, ReasonLost, "pv1"},
		"without a volume": {
			func(s scene) { s.claim.Spec.VolumeName, s.claim.Status.Phase = "", corev1.ClaimPending }, ReasonUnbound, "events",
		},
		"waiting for a pod": {
			func(s scene) { s.claim.Spec.VolumeName, s.waiting = "", map[string]bool{"fast": true} }, ReasonUnbound, "first pod",
		},
		"promised a volume, not bound": {
			func(s scene) { s.claim.Status.Phase, s.waiting = corev1.ClaimPending, map[string]bool{"fast": true} },
			ReasonUnbound, "events",
		},
		"without a right to its volume": {
			func(s scene) { s.noVolumes = true; delete(s.volumes, "pv1") }, ReasonForbidden, "get persistentvolumes",
		},
		"whose volume is gone":      {func(s scene) { delete(s.volumes, "pv1") }, ReasonLost, "not there"},
		"whose volume is another's": {func(s scene) { s.pv.Spec.ClaimRef.UID = "u2" }, ReasonLost, "not bound to this claim"},
		"whose volume is for another name": {
			func(s scene) { s.pv.Spec.ClaimRef.Name = "other" }, ReasonLost, "not bound to this claim",
		},
		"whose volume is for another namespace": {
			func(s scene) { s.pv.Spec.ClaimRef.Namespace = "other" }, ReasonLost, "not bound to this claim",
		},
		"whose volume is free":     {func(s scene) { s.pv.Spec.ClaimRef = nil }, ReasonLost, "not bound to this claim"},
		"in a cluster without API": {func(s scene) { s.served = false }, ReasonNotServed, "CRDs"},
		"without a right to classes": {
			func(s scene) { s.noClasses = true }, ReasonForbidden, "volumesnapshotclasses.snapshot.storage.k8s.io",
		},
		"of hostPath, where there is no API": {
			func(s scene) {
				s.served = false
				s.pv.Spec.PersistentVolumeSource = corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{}}
			}, ReasonHostPath, "node",
		},
		"of local": {
			func(s scene) {
				s.pv.Spec.PersistentVolumeSource = corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{}}
			}, ReasonLocal, "node",
		},
		"of NFS": {
			func(s scene) {
				s.pv.Spec.PersistentVolumeSource = corev1.PersistentVolumeSource{NFS: &corev1.NFSVolumeSource{}}
			}, ReasonNFS, "TakeOptions.Own",
		},
		"of a SAN": {
			func(s scene) {
				s.pv.Spec.PersistentVolumeSource = corev1.PersistentVolumeSource{FC: &corev1.FCVolumeSource{}}
			}, ReasonNotCSI, "the SAN behind it",
		},
		"of a plugin that is not known": {
			func(s scene) { s.pv.Spec.PersistentVolumeSource = corev1.PersistentVolumeSource{} }, ReasonNotCSI, "not known here",
		},
		"migrated": {
			func(s scene) { s.pv.Spec.PersistentVolumeSource = inTree }, ReasonMigrated, "driver ebs.csi.aws.com serves it",
		},
		"migrated, by its annotation": {
			func(s scene) {
				s.pv.Annotations = map[string]string{api.MigratedTo: "new.example"}
				s.pv.Spec.PersistentVolumeSource = corev1.PersistentVolumeSource{RBD: &corev1.RBDPersistentVolumeSource{}}
			}, ReasonMigrated, "driver new.example serves it",
		},
		"of Portworx": {
			func(s scene) {
				s.pv.Spec.PersistentVolumeSource = corev1.PersistentVolumeSource{PortworxVolume: &corev1.PortworxVolumeSource{}}
			}, ReasonMigrated, "px/snapshot-source-pvc",
		},
		"migrated, with a translation that fails": {
			func(s scene) {
				s.pv.Spec.PersistentVolumeSource = inTree
				s.opts.Migrated = translate("", "", errors.New("no zone"))
			}, ReasonMigrated, "no zone",
		},
		"migrated, with a translation that gives no handle": {
			func(s scene) {
				s.pv.Spec.PersistentVolumeSource = inTree
				s.opts.Migrated = translate("ebs.csi.aws.com", "", nil)
			}, ReasonMigrated, "gives no name",
		},
		"migrated, to a driver without a class": {
			func(s scene) {
				s.pv.Spec.PersistentVolumeSource = inTree
				s.opts.Migrated = translate("ebs.csi.aws.com", "vol-1", nil)
			}, ReasonNoClass, "ebs.csi.aws.com",
		},
	} {
		t.Run(name, func(t *testing.T) {
			claim, pv := bound()
			p := &planner{
				served: true, classes: []*api.Class{class("c", "disk.example")},
				volumes: map[string]*corev1.PersistentVolume{"pv1": pv},
			}
			test.change(scene{p, claim, pv})
			v := p.claim(claim)
			if v.Reason != test.want || !strings.Contains(v.Detail, test.says) || v.Class != "" {
				t.Errorf("reason %q, class %q, %q; want reason %q that says %q", v.Reason, v.Class, v.Detail, test.want, test.says)
			}
		})
	}
}

func TestClaimOfAMigratedVolume(t *testing.T) {
	claim, pv := bound()
	pv.Spec.PersistentVolumeSource = corev1.PersistentVolumeSource{
		AWSElasticBlockStore: &corev1.AWSElasticBlockStoreVolumeSource{VolumeID: "aws://zone/vol-1"},
	}
	p := &planner{
		served: true, classes: []*api.Class{class("c", "disk.example")}, volumes: map[string]*corev1.PersistentVolume{"pv1": pv},
		opts: PlanOptions{Migrated: func(pv *corev1.PersistentVolume) (string, string, error) {
			_, id, _ := strings.Cut(strings.TrimPrefix(pv.Spec.AWSElasticBlockStore.VolumeID, "aws://"), "/")
			pv.Spec.AWSElasticBlockStore = nil // what is handed over is a copy
			return "disk.example", id, nil
		}},
	}
	v := p.claim(claim)
	if v.Reason != "" || !v.Migrated || v.Driver != "disk.example" || v.Handle != "vol-1" || v.Class != "c" ||
		v.Source != "awsElasticBlockStore" || pv.Spec.AWSElasticBlockStore == nil {
		t.Errorf("the volume is %+v", v)
	}
}

// Each plugin of the API has a field of its own in the source of a volume, and none of them stays without a reason.
func TestEveryPlugin(t *testing.T) {
	for _, kind := range []reflect.Type{
		reflect.TypeFor[corev1.PersistentVolumeSource](), reflect.TypeFor[corev1.VolumeSource](),
	} {
		for i := range kind.NumField() {
			source := reflect.New(kind).Elem()
			source.Field(i).Set(reflect.New(kind.Field(i).Type.Elem()))
			want, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			if got := fieldOf(source.Interface()); got != want {
				t.Errorf("field %s of %s is %q", want, kind, got)
			}
			if reason, detail := outside(want); reason == "" || detail == "" {
				t.Errorf("%s has the reason %q, %q", want, reason, detail)
			}
		}
	}
	if got := fieldOf(corev1.VolumeSource{}); got != "" {
		t.Errorf("a source without a field is %q", got)
	}
}
