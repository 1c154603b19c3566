package diffs

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/differences"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
)

func TestMain(m *testing.M) { command.Main(m) }

var must, stuck = trial.Must, trial.Context

// place is a control plane and what people have to deal with it.
type place struct {
	node    *bed.Node
	cluster *counted
	client  dynamic.Interface
	dir     string // of the manifests that people write, a copy of testdata
}

func newPlace(t testing.TB) *place {
	t.Helper()
	p := &place{node: bed.ControlPlane(t, bed.Options{}), dir: t.TempDir()}
	config := p.node.RESTConfig(t)
	config.QPS = -1
	cluster, err := manifests.NewCluster(config)
	must(t, err)
	p.cluster = &counted{Cluster: cluster}
	p.client, err = dynamic.NewForConfig(config)
	must(t, err)
	must(t, os.CopyFS(p.dir, os.DirFS("testdata")))
	p.settle(t)
	return p
}

// settle waits for what controllers give to the namespace default, a moment after kube-apiserver is ready.
func (p *place) settle(t testing.TB) {
	t.Helper()
	code := -1
	for ctx := stuck(t); code != 0; must(t, ctx.Err()) {
		_, code = p.kubectl(t, "get", "--namespace", "default", "serviceaccount/default", "configmap/kube-root-ca.crt")
	}
}

// counted is a cluster that counts how often single objects are asked for.
type counted struct {
	*manifests.Cluster
	got []manifests.Key
}

func (c *counted) Get(ctx context.Context, key manifests.Key, level manifests.Level) (*manifests.Object, error) {
	c.got = append(c.got, key) // the tests compare one object at a time
	return c.Cluster.Get(ctx, key, level)
}

// kubectl runs the stock program with all rights, and gives its output and exit code.
func (p *place) kubectl(t testing.TB, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(peers.Kubectl.Path(t), append([]string{"--kubeconfig", p.node.Kubeconfig()}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := p.node.Run(cmd); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// apply runs kubectl apply until it succeeds: a kind is served a moment after its definition is there.
func (p *place) apply(t testing.TB) {
	t.Helper()
	ctx := stuck(t)
	for {
		out, code := p.kubectl(t, "apply", "--recursive", "--filename", p.dir)
		if code == 0 {
			return
		}
		if ctx.Err() != nil {
			t.Fatal(out)
		}
	}
}

// edit replaces a text in one of the files.
func (p *place) edit(t testing.TB, name, from, to string) {
	t.Helper()
	name = filepath.Join(p.dir, name)
	text, err := os.ReadFile(name)
	must(t, err)
	if strings.Count(string(text), from) != 1 {
		t.Fatalf("%q is not in %s once", from, name)
	}
	must(t, os.WriteFile(name, []byte(strings.Replace(string(text), from, to, 1)), 0o600))
}

// files are the manifests that people have written, with the defaults of a server if there is one.
func (p *place) files(t testing.TB, server diff.Server) diff.Side {
	t.Helper()
	ctx := stuck(t)
	lookup := func(apiVersion, kind string) (manifests.Resource, error) {
		return p.cluster.Lookup(ctx, apiVersion, kind)
	}
	side, err := diff.Files(ctx, os.DirFS(p.dir), lookup, diff.FileOptions{Server: server})
	must(t, err)
	return side
}

// live is the cluster, without what the control plane makes in namespaces of its own.
func (p *place) live() diff.Side { return diff.Live(p.cluster, manifests.Options{}) }

// compare gives all changes, one object after the other.
func compare(t testing.TB, a, b diff.Side, opts diff.Options) ([]*diff.Change, *diff.Summary) {
	t.Helper()
	opts.Parallel = 1
	return differences.Of(stuck(t), t, a, b, opts)
}

// unified gives the text of all changes.
func unified(t testing.TB, changes []*diff.Change) string {
	t.Helper()
	var out bytes.Buffer
	for _, c := range changes {
		must(t, diff.Unified(&out, c))
	}
	return out.String()
}
