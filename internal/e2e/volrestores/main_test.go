package volrestores

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed/driver"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/volsnap"
)

func TestMain(m *testing.M) {
	// They wait for controllers most of the time, whatever the number of processors.
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	command.Main(m)
}

var must, stuck = trial.Must, trial.Context

var (
	claims     = schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumeclaims"}
	volumes    = schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumes"}
	namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	pods       = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
)

// place is a cluster with volumes.
type place struct {
	*csibed.Bed
	d       *driver.Driver
	cluster *volsnap.Cluster
	other   *place // a cluster on the same storage
}

func newPlace(t *testing.T) *place {
	t.Helper()
	nodes := []*bed.Node{bed.ControlPlane(t, bed.Options{}), bed.ControlPlane(t, bed.Options{})}
	var places []*place
	for _, b := range csibed.StartEach(t, nodes, csibed.Options{}) {
		cluster, err := volsnap.NewCluster(b.Config)
		must(t, err)
		places = append(places, &place{Bed: b, d: b.Drivers[0], cluster: cluster})
	}
	places[0].other = places[1]
	return places[0]
}

// claim makes a bound claim with a file that has the text.
func (p *place) claim(t *testing.T, namespace, name, text string) {
	t.Helper()
	p.Claims(t, namespace, p.d.Name, name)
	p.write(t, namespace, name, text)
}

func (p *place) write(t *testing.T, namespace, claim, text string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(p.VolumePath(t, namespace, claim), "file"), []byte(text), 0o600))
}

// holds fails the test unless the claim's file has the text.
func (p *place) holds(t *testing.T, namespace, claim, text string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(p.VolumePath(t, namespace, claim), "file"))
	if err != nil || string(got) != text {
		t.Errorf("claim %s/%s holds %q (%v), want %q", namespace, claim, got, err, text)
	}
}

// snapshot takes a snapshot of a claim that is ready.
func (p *place) snapshot(t *testing.T, namespace, name, claim string) volsnap.Snapshot {
	t.Helper()
	p.Snapshot(t, namespace, name, claim, p.d.Name)
	p.Ready(t, namespace, name)
	return p.seen(t, namespace, name)
}

// seen is a snapshot as volsnap lists it.
func (p *place) seen(t *testing.T, namespace, name string) volsnap.Snapshot {
	t.Helper()
	all, err := p.cluster.List(stuck(t), []string{namespace}, "")
	must(t, err)
	i := slices.IndexFunc(all, func(s volsnap.Snapshot) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("there is no snapshot %s/%s", namespace, name)
	}
	return all[i]
}

// patch changes an object.
func (p *place) patch(t *testing.T, at schema.GroupVersionResource, namespace, name, change string, part ...string) {
	t.Helper()
	_, err := p.Dynamic.Resource(at).Namespace(namespace).
		Patch(stuck(t), name, types.MergePatchType, []byte(change), metav1.PatchOptions{}, part...)
	must(t, err)
}

// names are those of the objects that there are with the label.
func (p *place) names(t *testing.T, at schema.GroupVersionResource, namespace, label string) []string {
	t.Helper()
	list, err := p.Dynamic.Resource(at).Namespace(namespace).List(stuck(t), metav1.ListOptions{LabelSelector: label})
	must(t, err)
	names := []string{}
	for _, o := range list.Items {
		names = append(names, o.GetName())
	}
	return names
}

// none fails the test if there is an object with the label.
func (p *place) none(t *testing.T, at schema.GroupVersionResource, namespace, label string) {
	t.Helper()
	if names := p.names(t, at, namespace, label); len(names) > 0 {
		t.Errorf("%s are left in %q: %q", at.Resource, namespace, names)
	}
}

// volume is that of a claim, "" if the claim is not there.
func (p *place) volume(t *testing.T, namespace, claim string) string {
	t.Helper()
	list, err := p.Client.CoreV1().PersistentVolumeClaims(namespace).List(stuck(t), metav1.ListOptions{
		FieldSelector: "metadata.name=" + claim,
	})
	must(t, err)
	if len(list.Items) == 0 {
		return ""
	}
	return list.Items[0].Spec.VolumeName
}

func (p *place) policy(t *testing.T, volume string) corev1.PersistentVolumeReclaimPolicy {
	t.Helper()
	pv, err := p.Client.CoreV1().PersistentVolumes().Get(stuck(t), volume, metav1.GetOptions{})
	must(t, err)
	return pv.Spec.PersistentVolumeReclaimPolicy
}

func object(apiVersion, kind, namespace, name string, fields map[string]any) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: fields}
	u.SetAPIVersion(apiVersion)
	u.SetKind(kind)
	u.SetNamespace(namespace)
	u.SetName(name)
	return u
}

// hasContent is a snapshot that the controller has seen.
func hasContent(o *unstructured.Unstructured) bool {
	name, _, _ := unstructured.NestedString(o.Object, "status", "boundVolumeSnapshotContentName")
	return name != ""
}
