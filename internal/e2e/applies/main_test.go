package applies

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/corpus"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/apply"
)

func TestMain(m *testing.M) { command.Main(m) }

var must, stuck = trial.Must, trial.Context

// place is a control plane to bring objects back to.
type place struct {
	node    *bed.Node
	config  *rest.Config
	cluster *apply.Cluster
	kinds   *manifests.Cluster
	client  dynamic.Interface
}

func newPlace(t testing.TB) *place {
	t.Helper()
	node := bed.ControlPlane(t, bed.Options{})
	p := &place{node: node, config: node.RESTConfig(t)}
	p.config.WarningHandler = rest.NoWarnings{}
	var err error
	p.cluster, err = apply.NewCluster(p.config)
	must(t, err)
	p.kinds, err = manifests.NewCluster(p.config)
	must(t, err)
	p.client, err = dynamic.NewForConfig(p.config)
	must(t, err)
	return p
}

// documents reads YAML documents, with words replaced.
func documents(t testing.TB, text string, replace ...string) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	for _, document := range strings.Split(strings.NewReplacer(replace...).Replace(text), "\n---\n") {
		raw, err := yaml.YAMLToJSONStrict([]byte(document))
		must(t, err)
		o := new(unstructured.Unstructured)
		must(t, o.UnmarshalJSON(raw))
		all = append(all, o)
	}
	return all
}

func testdata(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".yaml")
	must(t, err)
	return string(text)
}

// written are objects as somebody has written them.
func written(t testing.TB, text string, replace ...string) []apply.Object {
	t.Helper()
	var all []apply.Object
	for _, o := range documents(t, text, replace...) {
		raw, err := o.MarshalJSON()
		must(t, err)
		all = append(all, apply.Object{Body: raw})
	}
	return all
}

// make creates objects as users do, and waits until the controllers have seen them.
func (p *place) make(t testing.TB, text string, replace ...string) {
	t.Helper()
	made, err := corpus.Create(stuck(t), p.config, documents(t, text, replace...))
	must(t, err)
	must(t, corpus.Settle(stuck(t), p.config, made))
}

// plan makes one that must be made.
func (p *place) plan(t testing.TB, objects []apply.Object, opts apply.Options) *apply.Plan {
	t.Helper()
	plan, err := p.cluster.Plan(stuck(t), objects, opts)
	must(t, err)
	if _, err := json.Marshal(plan); err != nil {
		t.Error(err)
	}
	return plan
}

// run carries a plan out that must succeed.
func (p *place) run(t testing.TB, plan *apply.Plan) *apply.Result {
	t.Helper()
	result, err := plan.Run(stuck(t))
	must(t, err)
	for _, o := range result.Failed() {
		t.Errorf("%s", o)
	}
	return result
}

// bring is a plan and its run.
func (p *place) bring(t testing.TB, objects []apply.Object, opts apply.Options) *apply.Result {
	t.Helper()
	return p.run(t, p.plan(t, objects, opts))
}

// lines gives what a plan says of each object, without what is unchanged.
func lines(plan *apply.Plan) []string {
	var all []string
	for _, s := range plan.Steps {
		if s.Do != apply.Unchanged {
			all = append(all, s.String())
		}
	}
	return all
}

// wantLines holds each line against one that it contains.
func wantLines(t testing.TB, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d lines, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
		return
	}
	for i, line := range got {
		for _, part := range strings.Split(want[i], "|") {
			if !strings.Contains(line, part) {
				t.Errorf("line %q, want it to say %q", line, part)
			}
		}
	}
}

// do finds the step of an object, such as "configmaps/a".
func do(t testing.TB, plan *apply.Plan, resource, name string) apply.Step {
	t.Helper()
	i := slices.IndexFunc(plan.Steps, func(s apply.Step) bool { return s.Resource == resource && s.Name == name })
	if i < 0 {
		t.Fatalf("the plan has no %s/%s", resource, name)
	}
	return plan.Steps[i]
}

// versions are the resource versions of all objects that only users write: controllers write the state of a Deployment, now or
// later.
func (p *place) versions(t testing.TB) map[manifests.Key]string {
	t.Helper()
	entries, _, err := p.kinds.Versions(stuck(t), manifests.Options{})
	must(t, err)
	all := map[manifests.Key]string{}
	for _, e := range entries {
		if e.Class == manifests.User && e.Key.Resource != "deployments" {
			all[e.Key] = e.UID + " " + e.ResourceVersion
		}
	}
	return all
}

// at is where objects of a resource such as "deployments.v1.apps" are.
func (p *place) at(resource, namespace string) dynamic.ResourceInterface {
	r, _ := schema.ParseResourceArg(resource)
	if r == nil {
		r = &schema.GroupVersionResource{Version: "v1", Resource: resource}
	}
	if namespace == "" {
		return p.client.Resource(*r)
	}
	return p.client.Resource(*r).Namespace(namespace)
}

func (p *place) get(t testing.TB, resource, namespace, name string) *unstructured.Unstructured {
	t.Helper()
	o, err := p.at(resource, namespace).Get(stuck(t), name, metav1.GetOptions{})
	must(t, err)
	return o
}

// edit changes an object as a user does.
func (p *place) edit(t testing.TB, resource, namespace, name string, change func(*unstructured.Unstructured)) {
	t.Helper()
	for {
		o := p.get(t, resource, namespace, name)
		change(o)
		_, err := p.at(resource, namespace).Update(stuck(t), o, metav1.UpdateOptions{FieldManager: "somebody"})
		if apierrors.IsConflict(err) {
			continue // a controller was faster
		}
		must(t, err)
		return
	}
}

// set sets a field.
func set(v any, path ...string) func(*unstructured.Unstructured) {
	return func(o *unstructured.Unstructured) {
		if err := unstructured.SetNestedField(o.Object, v, path...); err != nil {
			panic(err)
		}
	}
}

// delete deletes an object and waits until it is gone.
func (p *place) delete(t testing.TB, resource, namespace, name string) {
	t.Helper()
	background := metav1.DeletePropagationBackground
	must(t, p.at(resource, namespace).Delete(stuck(t), name, metav1.DeleteOptions{PropagationPolicy: &background}))
	p.until(t, resource+" "+name+" is gone", func(ctx context.Context) bool {
		_, err := p.at(resource, namespace).Get(ctx, name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}

// until waits for what controllers do.
func (p *place) until(t testing.TB, what string, good func(context.Context) bool) {
	t.Helper()
	ctx := stuck(t)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !good(ctx) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("wait until %s: %v", what, context.Cause(ctx))
		}
	}
}
