package voltakes

import (
	"context"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/volsnap"
)

func TestMain(m *testing.M) {
	if os.Getenv(victim) != "" {
		beKilled()
	}
	command.Main(m)
}

var must = trial.Must

// place is a CSI stack whose volumes are taken.
type place struct {
	testing.TB
	*csibed.Bed
	ctx context.Context
}

func newPlace(t testing.TB, opts csibed.Options) *place {
	t.Helper()
	return &place{t, csibed.Start(t, bed.ControlPlane(t, bed.Options{}), opts), trial.Context(t)}
}

// with is the place for a subtest.
func (p *place) with(t testing.TB) *place { return &place{t, p.Bed, trial.Context(t)} }

// calls are the requests of a client: verb and resource, as "create volumesnapshots".
type calls struct {
	mu   sync.Mutex
	of   map[string]int
	next http.RoundTripper
}

func (c *calls) RoundTrip(r *http.Request) (*http.Response, error) {
	verb := map[string]string{"POST": "create", "PATCH": "patch", "DELETE": "delete"}[r.Method]
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	resource := parts[len(parts)-1]
	switch {
	case r.URL.Query().Get("watch") != "":
		verb = "watch"
	case verb == "" && strings.HasSuffix(resource, "s") && !strings.Contains(resource, "-"):
		verb = "list"
	default:
		if verb == "" {
			verb = "get"
		}
		if verb != "create" {
			resource = parts[len(parts)-2]
		}
	}
	c.mu.Lock()
	c.of[verb+" "+resource]++
	c.mu.Unlock()
	return c.next.RoundTrip(r)
}

// cluster is the place with what is asked of it.
func (p *place) cluster() (*volsnap.Cluster, *calls) {
	p.Helper()
	return p.clusterOf("")
}

// clusterOf asks by the name of an agent. Its configuration is one of an operator, which prefers protobuf.
func (p *place) clusterOf(agent string) (*volsnap.Cluster, *calls) {
	p.Helper()
	config, made := rest.CopyConfig(p.Config), &calls{of: map[string]int{}}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { made.next = next; return made })
	config.UserAgent, config.ContentType = agent, runtime.ContentTypeProtobuf
	config.AcceptContentTypes = runtime.ContentTypeProtobuf
	c, err := volsnap.NewCluster(config)
	must(p, err)
	return c, made
}

// plan is what there is to be taken of namespaces.
func (p *place) plan(c *volsnap.Cluster, namespaces ...string) *volsnap.Plan {
	p.Helper()
	plan, err := c.Plan(p.ctx, volsnap.Selection{Namespaces: namespaces}, volsnap.PlanOptions{})
	must(p, err)
	return plan
}

// take takes a plan, and wants the account to be complete.
func (p *place) take(c *volsnap.Cluster, plan *volsnap.Plan, opts volsnap.TakeOptions) *volsnap.Account {
	p.Helper()
	account, err := c.Take(p.ctx, plan, opts)
	must(p, err)
	must(p, account.Complete())
	return account
}
