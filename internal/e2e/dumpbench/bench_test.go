package dumpbench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/corpus"
	"github.com/clustersnap/clustersnap/internal/e2e/datamaker"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
	"github.com/clustersnap/clustersnap/internal/e2e/sidebyside"
)

// objects is how many mixed ones a user has made in the cluster that is dumped. Controllers add some thousand.
const objects = 50_000

// BenchmarkDump saves every object of a cluster: with kubectl get of all kinds to one file of YAML, and with manifests to a
// new tree, which is canonical, of one instant and durable. How long a file system takes for so many files depends on what
// it did before, so the same is done in memory once more.
func BenchmarkDump(b *testing.B) {
	node := bed.ControlPlane(b, bed.Options{})
	if _, err := datamaker.FillAPI(b.Context(), node.RESTConfig(b), objects); err != nil {
		b.Fatal(err)
	}
	dumptree := command.Build(b, ".", "./dumptree")
	b.Run("to disk", func(b *testing.B) { compare(b, node, dumptree, &places{root: b.TempDir(), keep: true}) })
	b.Run("to memory", func(b *testing.B) { compare(b, node, dumptree, &places{root: faults.SmallDisk(b, "2g")}) })
}

// BenchmarkLarge does it with 256 MiB in large objects, and writes to memory. With a GiB kubectl takes 10 GiB of memory.
func BenchmarkLarge(b *testing.B) {
	node := bed.ControlPlane(b, bed.Options{})
	fillLarge(b, node, 300, 900<<10)
	compare(b, node, command.Build(b, ".", "./dumptree"), &places{root: faults.SmallDisk(b, "4g")})
}

// compare saves the objects of the node's cluster to places.
func compare(b *testing.B, node *bed.Node, dumptree string, to *places) {
	b.Helper()
	get := fmt.Sprintf("exec %s --kubeconfig %s get %s --all-namespaces --output yaml >",
		peers.Kubectl.Path(b), node.Kubeconfig(), strings.Join(kinds(b, node), ","))
	sidebyside.Compare(b,
		sidebyside.Command(peers.Kubectl.String()+" get", func() *exec.Cmd {
			return node.Enter(b, "sh", "-c", get+filepath.Join(to.next(b), "all.yaml"))
		}),
		sidebyside.Command("manifests, a new tree", func() *exec.Cmd {
			return node.Enter(b, dumptree, node.Kubeconfig(), to.next(b))
		}),
		to.size)
}

// fillLarge creates n ConfigMaps of so many bytes.
func fillLarge(b *testing.B, node *bed.Node, n, size int) {
	b.Helper()
	client, err := dynamic.NewForConfig(node.RESTConfig(b))
	if err != nil {
		b.Fatal(err)
	}
	configMaps := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace("default")
	const line = "cache.limit = 512Mi # of what the settings say, line after line\n"
	text := strings.Repeat(line, size/len(line))
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := w; i < n; i += 8 {
				_, err := configMaps.Create(b.Context(), &unstructured.Unstructured{Object: map[string]any{
					"apiVersion": "v1", "kind": "ConfigMap",
					"metadata": map[string]any{"name": fmt.Sprintf("large-%d", i)}, "data": map[string]any{"settings": text},
				}}, metav1.CreateOptions{})
				if err != nil {
					b.Errorf("create large object %d: %v", i, err)
					return
				}
			}
		})
	}
	writers.Wait()
	if b.Failed() {
		b.FailNow()
	}
}

// kinds are all that can be listed, as kubectl takes them.
func kinds(b *testing.B, node *bed.Node) []string {
	b.Helper()
	client, err := discovery.NewDiscoveryClientForConfig(node.RESTConfig(b))
	if err != nil {
		b.Fatal(err)
	}
	lists, err := client.ServerPreferredResources()
	if err != nil {
		b.Fatal(err)
	}
	var names []string
	for _, list := range lists {
		for _, r := range list.APIResources {
			if version, _ := schema.ParseGroupVersion(list.GroupVersion); slices.Contains(r.Verbs, "list") {
				names = append(names, schema.GroupResource{Group: version.Group, Resource: r.Name}.String())
			}
		}
	}
	return names
}

// BenchmarkRender makes YAML of Deployments without what the server adds: decoded and encoded with sigs.k8s.io/yaml, and
// straight from JSON with manifests. Each has one core.
func BenchmarkRender(b *testing.B) {
	file := filepath.Join(b.TempDir(), "deployments")
	lines := deployments(b)
	if err := os.WriteFile(file, lines, 0o600); err != nil {
		b.Fatal(err)
	}
	const times = 5
	render := command.Build(b, ".", "./render")
	side := func(how string) func() *exec.Cmd {
		return func() *exec.Cmd { return exec.Command(render, how, file, strconv.Itoa(times)) }
	}
	sidebyside.Compare(b,
		sidebyside.Command("sigs.k8s.io/yaml", side("sigs")),
		sidebyside.Command("manifests", side("canonical")),
		func() (int64, error) { return int64(len(lines)) * times, nil })
}

// deployments are a thousand Deployments that the API server and its controllers have dealt with, one line of JSON each.
func deployments(b *testing.B) []byte {
	b.Helper()
	config := bed.ControlPlane(b, bed.Options{}).RESTConfig(b)
	if _, err := corpus.Load(b.Context(), config); err != nil {
		b.Fatal(err)
	}
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		b.Fatal(err)
	}
	web, err := client.RESTClient().Get().AbsPath("/apis/apps/v1/namespaces/corpus/deployments/web").DoRaw(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	web = bytes.TrimSpace(web)
	var lines bytes.Buffer
	for i := range 1000 {
		lines.Write(bytes.Replace(web, []byte(`"name":"web"`), fmt.Appendf(nil, `"name":"web-%d"`, i), 1))
		lines.WriteByte('\n')
	}
	return lines.Bytes()
}
