package volplans

import (
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clustersnap/clustersnap/volsnap"
)

// Of the two drivers, disk.example has a default class and another one, share.example a single one.
const classes = `
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshotClass
metadata: {name: %s, annotations: {snapshot.storage.kubernetes.io/is-default-class: "%t"}}
driver: %s
deletionPolicy: Delete
`

// scene has what is expected of each volume: its class, or the reason why there is no snapshot of it.
type scene struct {
	*place
	want map[string]string // by namespace/claim, or namespace/pod/volume
	mode string            // volumeMode of the next claims
}

func newScene(p *place) *scene {
	s := &scene{place: p, want: map[string]string{}, mode: "Filesystem"}
	s.make(fmt.Sprintf(classes, "disk-default", true, "disk.example"))
	s.make(fmt.Sprintf(classes, "disk-other", false, "disk.example"))
	s.make(fmt.Sprintf(classes, "share-only", false, "share.example"))
	s.make(`
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: waits}
provisioner: disk.example
volumeBindingMode: WaitForFirstConsumer`)
	return s
}

// namespace makes one in which pods can be made.
func (s *scene) namespace(name string) {
	s.Helper()
	s.make(fmt.Sprintf("{apiVersion: v1, kind: Namespace, metadata: {name: %s}}", name))
	s.make(fmt.Sprintf("{apiVersion: v1, kind: ServiceAccount, metadata: {namespace: %s, name: default}}", name))
}

func csi(driver, handle string) string {
	return fmt.Sprintf("csi: {driver: %s, volumeHandle: %s, fsType: ext4}", driver, handle)
}

// claim makes a claim. volume is the source of its PersistentVolume as YAML, "" for a claim that waits for one; metadata is
// more of its metadata. The claim is bound by hand, since the controller manager takes minutes for so many.
func (s *scene) claim(namespace, name, volume, metadata, want string) *unstructured.Unstructured {
	s.Helper()
	s.want[namespace+"/"+name] = want
	pv, class := namespace+"-"+name, `""`
	if volume == "" {
		pv, class = `""`, "waits"
	}
	claim := s.make(fmt.Sprintf(`
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {namespace: %s, name: %s%s}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: %s
  volumeName: %s
  volumeMode: %s
  resources: {requests: {storage: 1Gi}}`, namespace, name, metadata, class, pv, s.mode))
	if volume == "" {
		return claim
	}
	s.make(fmt.Sprintf(`
apiVersion: v1
kind: PersistentVolume
metadata: {name: %s}
spec:
  accessModes: [ReadWriteOnce]
  capacity: {storage: 3Gi}
  persistentVolumeReclaimPolicy: Retain
  volumeMode: %s
  claimRef: {apiVersion: v1, kind: PersistentVolumeClaim, namespace: %s, name: %s, uid: %s}
  nodeAffinity:
    required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [node1]}]}]}
  %s`, pv, s.mode, namespace, name, claim.GetUID(), volume))
	s.status(claim, `{"phase": "Bound"}`)
	return claim
}

// annotated is more metadata, for claim.
func annotated(key, value string) string { return fmt.Sprintf(", annotations: {%s: %s}", key, value) }

// pod makes a pod that nothing runs. Volumes are one line of YAML each, such as "cache: {emptyDir: {}}".
func (s *scene) pod(namespace, name string, volumes ...string) *unstructured.Unstructured {
	s.Helper()
	var list []string
	for _, v := range volumes {
		volume, source, _ := strings.Cut(v, ": ")
		list = append(list, fmt.Sprintf("  - {name: %s, %s}", volume, strings.TrimSuffix(strings.TrimPrefix(source, "{"), "}")))
	}
	return s.make(fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {namespace: %s, name: %s}
spec:
  automountServiceAccountToken: false
  containers: [{name: c, image: none.example/none}]
  schedulerName: nobody
  volumes:
%s`, namespace, name, strings.Join(list, "\n")))
}

// got is a plan in the form of scene.want.
func got(plan *volsnap.Plan) map[string]string {
	got := map[string]string{}
	for _, v := range plan.Volumes {
		at := v.Namespace + "/" + v.Claim + v.PodVolume
		for got[at] != "" {
			at += " again"
		}
		got[at] = v.Class + string(v.Reason)
	}
	return got
}

// expect holds a plan against what the scene has, of the namespaces named; none is all of them.
func (s *scene) expect(plan *volsnap.Plan, namespaces ...string) {
	s.Helper()
	got, want := got(plan), map[string]string{}
	for at, w := range s.want {
		namespace, _, _ := strings.Cut(at, "/")
		if len(namespaces) == 0 || strings.Contains(" "+strings.Join(namespaces, " ")+" ", " "+namespace+" ") {
			want[at] = w
		}
	}
	for at, w := range want {
		if got[at] != w {
			s.Errorf("%s is planned with %q, want %q", at, got[at], w)
		}
	}
	for at, g := range got {
		if _, ok := want[at]; !ok {
			s.Errorf("%s is planned with %q, and is not of the scene", at, g)
		}
	}
	for _, v := range plan.Volumes {
		if (v.Reason == "") != (v.Class != "") || (v.Reason == "") != (v.Detail == "") {
			s.Errorf("%s/%s%s has class %q, reason %q, %q", v.Namespace, v.Claim, v.PodVolume, v.Class, v.Reason, v.Detail)
		}
	}
}

// remove deletes an object.
func (s *scene) remove(kind, namespace, name string) {
	s.Helper()
	must(s, s.client.Resource(resources[kind]).Namespace(namespace).Delete(s.ctx, name, metav1.DeleteOptions{}))
}

// gone waits until a deleted object is.
func (s *scene) gone(kind, namespace, name string) {
	s.Helper()
	s.until(func() (bool, error) {
		_, err := s.client.Resource(resources[kind]).Namespace(namespace).Get(s.ctx, name, metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
}
