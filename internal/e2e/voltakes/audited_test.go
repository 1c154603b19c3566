package voltakes

import (
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/volsnap"
)

// TestAudited has what a run asks of the API server, by the server's own account: a create and a patch for each, and a handful.
func TestAudited(t *testing.T) {
	node := bed.ControlPlane(t, bed.Options{})
	audit := csibed.NewAudit(t, node)
	p := &place{t, csibed.Start(t, node, csibed.Options{}), trial.Context(t)}
	p.fill("audited", p.Drivers[0], names(10)...)
	c, _ := p.cluster()
	plan := p.plan(c, "audited")
	c, _ = p.clusterOf("audited")
	p.take(c, plan, volsnap.TakeOptions{Run: "audited", InFlight: 5})
	handful := 0
	got := audit.Calls(t, "audited")
	maps.DeleteFunc(got, func(call string, n int) bool {
		if strings.HasPrefix(call, "get ") { // of a complaint that passes: the controller may not have seen a claim bound
			return true
		}
		few := strings.HasPrefix(call, "list ") || strings.HasPrefix(call, "watch ")
		if few {
			handful += n
		}
		return few
	})
	if want := map[string]int{"create volumesnapshots": 10, "patch volumesnapshotcontents": 10}; !maps.Equal(got, want) ||
		handful < 4 || handful > 6 {
		t.Errorf("the server was asked for %v and %d lists and watches, want %v and a handful", got, handful, want)
	}
	t.Run("migrated", func(t *testing.T) { migrated(p.with(t)) })
}

// migrated is an in-tree volume that the driver serves, of a class with a secret: the content that we make for it names the
// secret as the controller's would, and the sidecar cuts and deletes by it.
func migrated(p *place) {
	d := p.Drivers[0]
	p.Namespace(p, "migrated")
	handle := p.volume(d, "migrated")
	p.bind("migrated", "data", "none", corev1.PersistentVolumeSource{
		AWSElasticBlockStore: &corev1.AWSElasticBlockStoreVolumeSource{VolumeID: "aws://zone/" + handle},
	})
	_, err := p.Client.CoreV1().Secrets("migrated").Create(p.ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "storage-data"}, StringData: map[string]string{"user": "backup"},
	}, metav1.CreateOptions{})
	must(p, err)
	p.Create(p, csibed.Classes, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": csibed.Classes.GroupVersion().String(), "kind": "VolumeSnapshotClass",
		"metadata": map[string]any{"name": "with-secret"}, "driver": d.Name, "deletionPolicy": "Delete",
		"parameters": map[string]any{
			"csi.storage.k8s.io/snapshotter-secret-name":      "storage-data",
			"csi.storage.k8s.io/snapshotter-secret-namespace": "${volumesnapshot.namespace}",
		},
	}})
	c, _ := p.cluster()
	plan, err := c.Plan(p.ctx, volsnap.Selection{Namespaces: []string{"migrated"}}, volsnap.PlanOptions{
		Class:    map[string]string{d.Name: "with-secret"},
		Migrated: func(*corev1.PersistentVolume) (string, string, error) { return d.Name, handle, nil },
	})
	must(p, err)
	s := p.take(c, plan, volsnap.TakeOptions{Run: "migrated", Ready: true, Unpinned: true}).Volumes[0].Snapshot
	if s.Volume != handle || !s.Ready || !slices.Contains(d.Snapshots(), s.Handle) {
		p.Errorf("snapshot is %+v, want one of volume %s", *s, handle)
	}
	content, err := p.Dynamic.Resource(csibed.Contents).Get(p.ctx, s.Content, metav1.GetOptions{})
	must(p, err)
	const key = "snapshot.storage.kubernetes.io/deletion-secret-"
	if got := content.GetAnnotations(); got[key+"name"] != "storage-data" || got[key+"namespace"] != "migrated" {
		p.Errorf("the content has %v, and not the secret of its class", got)
	}
	must(p, p.Dynamic.Resource(csibed.Snapshots).Namespace("migrated").Delete(p.ctx, s.Name, metav1.DeleteOptions{}))
	p.Gone(p, csibed.Contents, "", s.Content)
	if slices.Contains(d.Snapshots(), s.Handle) {
		p.Errorf("the driver still has %s", s.Handle)
	}
}
