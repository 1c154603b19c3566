package stored

import (
	"strconv"
	"testing"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/corpus"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
	"github.com/clustersnap/clustersnap/internal/e2e/ondisk"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

func TestMain(m *testing.M) { faults.Main(m) }

var must, stuck = trial.Must, trial.Context

// cluster starts one with the corpus in it.
func cluster(t testing.TB, opts bed.Options) *bed.Node {
	t.Helper()
	node := bed.ControlPlane(t, opts)
	ctx := stuck(t)
	made, err := corpus.Load(ctx, node.RESTConfig(t))
	must(t, err)
	must(t, corpus.Settle(ctx, node.RESTConfig(t), made))
	return node
}

// kept is a receiver that keeps everything.
type kept struct {
	at      manifests.Instant
	objects map[manifests.Key]*manifests.Object
}

func (k *kept) Begin(at manifests.Instant) error {
	k.at, k.objects = at, map[manifests.Key]*manifests.Object{}
	return nil
}

func (k *kept) Object(o *manifests.Object) error {
	own := *o
	own.YAML = append([]byte(nil), o.YAML...)
	own.Removed = append([]string(nil), o.Removed...)
	k.objects[o.Key] = &own
	return nil
}

// live dumps the cluster, and then saves its etcd.
func live(t testing.TB, node *bed.Node, to manifests.Receiver, opts manifests.Options) (*manifests.Report, *etcdsnap.Snapshot) {
	t.Helper()
	ctx := stuck(t)
	c, err := manifests.NewCluster(node.RESTConfig(t))
	must(t, err)
	report, err := c.Dump(ctx, to, opts)
	must(t, err)
	return report, ondisk.Open(t, ondisk.Snapshot(t, node.EtcdClient(t)))
}

// view reads a snapshot as it was at an instant, and teaches a decoder its definitions.
func view(
	t testing.TB, snapshot *etcdsnap.Snapshot, at manifests.Instant, opts storage.Options,
) (*storage.Decoder, *etcdsnap.View) {
	t.Helper()
	ctx := stuck(t)
	revision, err := strconv.ParseInt(at.ResourceVersion, 10, 64)
	must(t, err)
	v, err := snapshot.View(ctx, "", revision)
	must(t, err)
	d, err := storage.NewDecoder(opts)
	must(t, err)
	t.Cleanup(d.Close)
	for kv, err := range v.Below(ctx, storage.DefinitionPrefix(opts.Prefix)) {
		must(t, err)
		must(t, d.Learn(kv))
	}
	return d, v
}
