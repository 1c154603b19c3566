package volplans

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/volsnap"
)

func TestMain(m *testing.M) { command.Main(m) }

var must, stuck = trial.Must, trial.Context

// place is a control plane whose volumes are planned.
type place struct {
	*testing.T
	ctx       context.Context
	config    *rest.Config
	client    dynamic.Interface
	discovery discovery.DiscoveryInterface
}

func newPlace(t *testing.T) *place {
	t.Helper()
	node := bed.ControlPlane(t, bed.Options{})
	return &place{
		T: t, ctx: stuck(t), config: node.RESTConfig(t), client: node.Dynamic(t), discovery: node.Kubernetes(t).Discovery(),
	}
}

// with is the place for a subtest.
func (p *place) with(t *testing.T) *place {
	q := *p
	q.T, q.ctx = t, stuck(t)
	return &q
}

// calls are the requests of a client, as method and path.
type calls struct {
	mu   sync.Mutex
	all  []string
	next http.RoundTripper
}

func (c *calls) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.all = append(c.all, r.Method+" "+r.URL.Path)
	c.mu.Unlock()
	return c.next.RoundTrip(r)
}

// as is the cluster as an account sees it, "" for one with all rights, with the requests that are made.
func (p *place) as(account string) (*volsnap.Cluster, *calls) {
	p.Helper()
	config, made := rest.CopyConfig(p.config), &calls{}
	if account != "" {
		config.Impersonate = rest.ImpersonationConfig{
			UserName: "system:serviceaccount:default:" + account, Groups: []string{"system:serviceaccounts", "system:authenticated"},
		}
	}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { made.next = next; return made })
	cluster, err := volsnap.NewCluster(config)
	must(p, err)
	return cluster, made
}

// plan plans with all rights.
func (p *place) plan(s volsnap.Selection, opts volsnap.PlanOptions) *volsnap.Plan {
	p.Helper()
	cluster, _ := p.as("")
	plan, err := cluster.Plan(p.ctx, s, opts)
	must(p, err)
	return plan
}

// resources by kind, of what these tests make.
var resources = map[string]schema.GroupVersionResource{
	"Namespace":                {Version: "v1", Resource: "namespaces"},
	"ServiceAccount":           {Version: "v1", Resource: "serviceaccounts"},
	"PersistentVolume":         {Version: "v1", Resource: "persistentvolumes"},
	"PersistentVolumeClaim":    {Version: "v1", Resource: "persistentvolumeclaims"},
	"Pod":                      {Version: "v1", Resource: "pods"},
	"StorageClass":             {Group: "storage.k8s.io", Version: "v1", Resource: "storageclasses"},
	"VolumeSnapshotClass":      {Group: "snapshot.storage.k8s.io", Version: "v1", Resource: "volumesnapshotclasses"},
	"CustomResourceDefinition": {Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"},
	"Role":                     {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"},
	"RoleBinding":              {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"},
	"ClusterRole":              {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"},
	"ClusterRoleBinding":       {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"},
}

// make creates an object from YAML. One that is there already is left as it is.
func (p *place) make(text string) *unstructured.Unstructured {
	p.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
		p.Fatalf("%v in\n%s", err, text)
	}
	at := p.client.Resource(resources[u.GetKind()]).Namespace(u.GetNamespace())
	made, err := at.Create(p.ctx, u, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		made, err = at.Get(p.ctx, u.GetName(), metav1.GetOptions{})
	}
	if err != nil {
		p.Fatalf("create %s %s: %v", u.GetKind(), u.GetName(), err)
	}
	return made
}

// status writes the status of an object, as its controller would.
func (p *place) status(u *unstructured.Unstructured, patch string) {
	p.Helper()
	_, err := p.client.Resource(resources[u.GetKind()]).Namespace(u.GetNamespace()).
		Patch(p.ctx, u.GetName(), "application/merge-patch+json", []byte(`{"status": `+patch+`}`), metav1.PatchOptions{}, "status")
	must(p, err)
}

// until waits for what must come.
func (p *place) until(there func() (bool, error)) {
	p.Helper()
	must(p, wait.PollUntilContextCancel(p.ctx, 20*time.Millisecond, true, func(context.Context) (bool, error) { return there() }))
}

// definitions are the stock ones of external-snapshotter, of a group of storage.k8s.io.
func (p *place) definitions(group string) []string {
	p.Helper()
	const module = "github.com/kubernetes-csi/external-snapshotter/client/v8"
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	must(p, err)
	names, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "config/crd", group+".*.yaml"))
	must(p, err)
	if len(names) != 3 {
		p.Fatalf("there are the definitions %q of %s, want 3", names, group)
	}
	var texts []string
	for _, name := range names {
		text, err := os.ReadFile(name)
		must(p, err)
		texts = append(texts, string(text))
	}
	return texts
}

// serve makes definitions with the versions alone that are named, and waits until just those are served.
func (p *place) serve(group string, versions ...string) {
	p.Helper()
	at := p.client.Resource(resources["CustomResourceDefinition"])
	for _, text := range p.definitions(group) {
		u := p.make(text)
		p.until(func() (bool, error) {
			u, err := at.Get(p.ctx, u.GetName(), metav1.GetOptions{})
			if err != nil {
				return false, err
			}
			all, _, err := unstructured.NestedSlice(u.Object, "spec", "versions")
			must(p, err)
			for _, v := range all {
				v := v.(map[string]any)
				v["served"] = slices.Contains(versions, v["name"].(string))
			}
			must(p, unstructured.SetNestedSlice(u.Object, all, "spec", "versions"))
			_, err = at.Update(p.ctx, u, metav1.UpdateOptions{})
			return err == nil, ignoreConflict(err)
		})
	}
	p.served(group, versions)
}

// served waits until discovery shows the three resources of each version, and no other version.
func (p *place) served(group string, versions []string) {
	p.Helper()
	p.until(func() (bool, error) {
		for _, version := range []string{"v1", "v1beta2", "v1beta1"} {
			list, err := p.discovery.ServerResourcesForGroupVersion(group + ".storage.k8s.io/" + version)
			there := 0
			if err == nil {
				there = len(slices.DeleteFunc(list.APIResources, func(r metav1.APIResource) bool { return strings.Contains(r.Name, "/") }))
			} else if !apierrors.IsNotFound(err) {
				return false, err
			}
			if slices.Contains(versions, version) != (there == 3) || there != 0 && there != 3 {
				return false, nil
			}
		}
		return true, nil
	})
}

func ignoreConflict(err error) error {
	if apierrors.IsConflict(err) {
		return nil
	}
	return err
}
