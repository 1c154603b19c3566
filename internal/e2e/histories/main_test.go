package histories

import (
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/differences"
	"github.com/clustersnap/clustersnap/internal/e2e/ondisk"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

func TestMain(m *testing.M) { command.Main(m) }

var must, stuck = trial.Must, trial.Context

// place is a control plane and what the tests do to it.
type place struct {
	node    *bed.Node
	config  *rest.Config
	cluster *manifests.Cluster
	client  dynamic.Interface
	etcd    *clientv3.Client
	prefix  string // of etcd
}

func newPlace(t testing.TB, opts bed.Options) *place {
	t.Helper()
	node := bed.ControlPlane(t, opts)
	p := &place{node: node, config: node.RESTConfig(t), etcd: node.EtcdClient(t), prefix: opts.EtcdPrefix}
	p.config.QPS, p.config.WarningHandler = -1, rest.NoWarnings{}
	var err error
	p.cluster, err = manifests.NewCluster(p.config)
	must(t, err)
	p.client, err = dynamic.NewForConfig(p.config)
	must(t, err)
	return p
}

var (
	configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	secrets    = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	events     = schema.GroupVersionResource{Version: "v1", Resource: "events"}
	namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

	definitions = schema.GroupVersionResource{
		Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions",
	}
)

// save takes a snapshot.
func (p *place) save(t testing.TB) string {
	t.Helper()
	return ondisk.Snapshot(t, p.etcd)
}

// snapshot is one that is open, with what decodes it.
type snapshot struct {
	*etcdsnap.Snapshot
	decoder *storage.Decoder
}

// open opens a snapshot, which the test closes. Encryption may be nil.
func (p *place) open(t testing.TB, path string, encryption []byte) *snapshot {
	t.Helper()
	s := ondisk.Open(t, path)
	d, err := storage.NewDecoder(storage.Options{Prefix: p.prefix, Encryption: encryption})
	must(t, err)
	t.Cleanup(d.Close)
	for kv, err := range s.Range(stuck(t), storage.DefinitionPrefix(p.prefix), 0) {
		must(t, err)
		must(t, d.Learn(kv))
	}
	return &snapshot{s, d}
}

// side is the snapshot at a revision, 0 for the latest.
func (s *snapshot) side(t testing.TB, revision int64) *storage.Side {
	t.Helper()
	view, err := s.View(stuck(t), "", revision)
	must(t, err)
	return s.decoder.Versions(view, storage.Selection{})
}

// hashes is the same by content.
func (s *snapshot) hashes(t testing.TB) *storage.Side {
	t.Helper()
	view, err := s.View(stuck(t), "", 0)
	must(t, err)
	return s.decoder.Hashes(view, storage.Selection{})
}

// create, patch and remove are writes through the API server.
func (p *place) create(t testing.TB, r schema.GroupVersionResource, o map[string]any) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{Object: o}
	made, err := p.client.Resource(r).Namespace(u.GetNamespace()).Create(stuck(t), u, metav1.CreateOptions{})
	must(t, err)
	return made
}

func (p *place) patch(t testing.TB, r schema.GroupVersionResource, namespace, name, patch string) *unstructured.Unstructured {
	t.Helper()
	in := p.client.Resource(r).Namespace(namespace)
	made, err := in.Patch(stuck(t), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	must(t, err)
	return made
}

func (p *place) remove(t testing.TB, r schema.GroupVersionResource, namespace, name string) {
	t.Helper()
	must(t, p.client.Resource(r).Namespace(namespace).Delete(stuck(t), name, metav1.DeleteOptions{}))
}

// configMap is one with a value for the key k.
func configMap(namespace, name, value string) map[string]any {
	return map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name, "namespace": namespace},
		"data": map[string]any{"k": value},
	}
}

// namespace makes one, and waits until its controllers have made what they do.
func (p *place) namespace(t testing.TB, name string) {
	t.Helper()
	p.create(t, namespaces, map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}})
	serviceAccounts := schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}
	p.await(t, serviceAccounts, name, "default")
	p.await(t, configMaps, name, "kube-root-ca.crt")
}

func (p *place) await(t testing.TB, r schema.GroupVersionResource, namespace, name string) {
	t.Helper()
	for ctx := stuck(t); ; must(t, ctx.Err()) {
		if _, err := p.client.Resource(r).Namespace(namespace).Get(ctx, name, metav1.GetOptions{}); err == nil {
			return
		}
	}
}

// compare gives all changes.
func compare(t testing.TB, a, b diff.Side, opts diff.Options) ([]*diff.Change, *diff.Summary) {
	t.Helper()
	return differences.Of(stuck(t), t, a, b, opts)
}
