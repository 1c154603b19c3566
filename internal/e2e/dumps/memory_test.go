package dumps

import (
	"context"
	"encoding/base64"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/datamaker"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
	"github.com/clustersnap/clustersnap/internal/e2e/highwater"
)

// The memory of a dump is that of its pages in flight, not of the objects. It is measured in a process of its own, which
// has no race detector.
func TestMemoryOfLargeDump(t *testing.T) {
	const limit = 100 << 10 // KiB
	const large, size = 1200, 900 << 10
	node, ctx := bed.ControlPlane(t, bed.Options{}), t.Context()
	config := node.RESTConfig(t)
	_, err := datamaker.FillAPI(ctx, config, 200)
	must(t, err)
	fillLarge(ctx, t, node, large, size)
	proxy := faults.NewProxy(t, strings.TrimPrefix(config.Host, "https://"), faults.ProxyOptions{Dial: node.DialContext})
	program := command.Build(t, "..", "./dumpcluster")
	peak := highwater.Of(t, exec.Command(program, node.Kubeconfig(), proxy.Addr(), "0"))
	t.Logf("a dump of %d MiB in large objects: %d MiB resident at most", large*size>>20, peak>>10)
	if peak > limit {
		t.Errorf("the dump takes %d KiB, limit %d", peak, limit)
	}
}

// fillLarge creates objects of three kinds, so that several lists with large ones are on their way at once.
func fillLarge(ctx context.Context, t testing.TB, node *bed.Node, n, size int) {
	t.Helper()
	text := strings.Repeat("All that is in here is text, line after line. ", size/46)
	contents := []string{
		`"apiVersion":"v1","kind":"ConfigMap","data":{"text":"` + text + `"}`,
		`"apiVersion":"v1","kind":"Secret","data":{"text":"` + base64.StdEncoding.EncodeToString([]byte(text[:len(text)/4*3])) + `"}`,
		`"apiVersion":"datamaker.example.com/v1","kind":"Widget","spec":{"text":"` + text + `"}`,
	}
	paths := []string{"/api/v1/namespaces/data-0/configmaps", "/api/v1/namespaces/data-0/secrets",
		"/apis/datamaker.example.com/v1/namespaces/data-0/widgets"}
	a, inFlight := newAPI(t, node.RESTConfig(t)), 4
	var group sync.WaitGroup
	for g := range inFlight {
		group.Go(func() {
			for i := g; i < n; i += inFlight {
				object := fmt.Sprintf(`{"metadata":{"name":"large-%d"},%s}`, i, contents[i%3])
				if err := a.create(ctx, paths[i%3], object); err != nil {
					t.Errorf("create large object %d: %v", i, err)
					return
				}
			}
		})
	}
	group.Wait()
}
