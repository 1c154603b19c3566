package dumps

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/manifests"
)

// versions holds a list of metadata against a dump.
func versions(ctx context.Context, t *testing.T, config *rest.Config) {
	var r, after receiver
	var dumped, report *manifests.Report
	var entries []manifests.Entry
	same := func(a, b manifests.Entry) bool {
		return a.UID == b.UID && (a.ResourceVersion == b.ResourceVersion || a.Class != manifests.User)
	}
	for first := true; first || !maps.EqualFunc(r.objects, after.objects, same); first = false { // until no controller has come in between
		var err error
		dumped, err = cluster(t, config).Dump(ctx, &r, manifests.Options{})
		must(t, err)
		entries, report, err = cluster(t, config).Versions(ctx, manifests.Options{})
		must(t, err)
		_, err = cluster(t, config).Dump(ctx, &after, manifests.Options{})
		must(t, err)
	}
	got := state{}
	for i, e := range entries {
		if i > 0 && entries[i-1].Compare(e.Key) >= 0 {
			t.Errorf("%s comes after %s", e.Key, entries[i-1].Key)
		}
		got[e.Key] = e
	}
	sameKeys(t, got, r.objects)
	if len(entries) != report.Objects || len(report.Missing()) != len(dumped.Missing()) || len(report.Outcomes) != len(dumped.Outcomes) {
		t.Errorf("%d entries of %d, missing %v, want %v", len(entries), report.Objects, report.Missing(), dumped.Missing())
	}
	for key, want := range r.objects {
		e := got[key]
		if e.UID != want.UID || e.UID == "" || e.Kind != want.Kind || e.Version != want.Version || e.Hash != "" {
			t.Errorf("%s is %+v, want %+v", key, e, want)
		}
		if e.Class != want.Class && want.Class != manifests.Completed { // this stands in the status
			t.Errorf("%s is of class %s, want %s", key, e.Class, want.Class)
		}
		if e.ResourceVersion != want.ResourceVersion && want.Class == manifests.User && key.Resource != "nodes" {
			t.Errorf("%s has resource version %s, want %s", key, e.ResourceVersion, want.ResourceVersion)
		}
	}
}

// each gets every object by itself: it is what the dump has.
func each(ctx context.Context, t *testing.T, config *rest.Config) {
	c, all, moved := cluster(t, config), map[manifests.Key][]byte{}, 0
	var r receiver
	r.object = func(o *manifests.Object) error {
		all[o.Key] = bytes.Clone(o.YAML)
		return nil
	}
	_, err := c.Dump(ctx, &r, manifests.Options{Level: manifests.Faithful})
	must(t, err)
	for key, entry := range r.objects {
		o, err := c.Get(ctx, key, manifests.Faithful)
		switch {
		case err != nil:
			t.Error(err)
		case o.ResourceVersion != entry.ResourceVersion:
			moved++
		case o.Entry != entry || !bytes.Equal(o.YAML, all[key]):
			t.Errorf("%s is\n%s\nby itself, and in the dump\n%s", key, o.YAML, all[key])
		}
	}
	if moved > len(all)/10 {
		t.Errorf("%d of %d objects have moved: that shows little", moved, len(all))
	}
	_, err = c.Get(ctx, manifests.Key{Resource: "pods", Namespace: "default", Name: "no-such-pod"}, manifests.Faithful)
	if !apierrors.IsNotFound(err) {
		t.Errorf("of an object that is not there the error is %v", err)
	}
	if _, err = c.Get(ctx, manifests.Key{Resource: "nothings", Name: "one"}, manifests.Faithful); !meta.IsNoMatchError(err) {
		t.Errorf("of a resource that is not there the error is %v", err)
	}
}

const deployment = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"namespace":"default","name":"dry"},"spec":{"replicas":0,
	"selector":{"matchLabels":{"app":"dry"}},"template":{"metadata":{"labels":{"app":"dry"}},"spec":{"containers":[
	{"name":"a","image":"example.com/a:1","env":[{"name":"ONE","value":"1"}]}]}}}}`

// dryRun asks what an object would become, and then creates it.
func dryRun(ctx context.Context, t *testing.T, config *rest.Config) {
	c := cluster(t, config)
	twice := strings.Replace(strings.Replace(deployment, `"dry"`, `"dry-twice"`, 1),
		`{"name":"ONE","value":"1"}`, `{"name":"ONE","value":"1"},{"name":"ONE","value":"2"}`, 1)
	for _, text := range []string{deployment, twice} { // a list with the same key twice can't be applied
		made, err := c.DryRun(ctx, []byte(text), manifests.Portable)
		must(t, err)
		if _, err := c.Get(ctx, made.Key, manifests.Portable); !apierrors.IsNotFound(err) {
			t.Fatalf("the dry run has made %s: %v", made.Key, err)
		}
		var object unstructured.Unstructured
		must(t, json.Unmarshal([]byte(text), &object))
		client := dynamicClient(t, config).Resource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"})
		_, err = client.Namespace("default").Create(ctx, &object, metav1.CreateOptions{})
		must(t, err)
		real, err := c.Get(ctx, made.Key, manifests.Portable)
		must(t, err)
		if !bytes.Equal(made.YAML, real.YAML) || !bytes.Contains(made.YAML, []byte("terminationGracePeriodSeconds: 30")) {
			t.Errorf("the dry run says\n%s\nand the server made\n%s", made.YAML, real.YAML)
		}
		changed, err := c.DryRun(ctx, []byte(strings.Replace(text, "example.com/a:1", "example.com/a:2", 1)), manifests.Portable)
		must(t, err)
		if want := strings.Replace(string(real.YAML), "example.com/a:1", "example.com/a:2", 1); string(changed.YAML) != want {
			t.Errorf("of a change the dry run says\n%s\nwant\n%s", changed.YAML, want)
		}
		if again, err := c.Get(ctx, made.Key, manifests.Portable); err != nil || again.Hash != real.Hash {
			t.Errorf("the dry run of a change has made one: %v", err)
		}
	}
	for _, text := range []string{
		`{`, `{"kind":"Deployment"}`, strings.Replace(deployment, `"namespace":"default",`, "", 1), strings.Replace(deployment, `"name":"dry"`, `"x":1`, 1),
		strings.Replace(deployment, `"default"`, `"no-such-namespace"`, 1), strings.Replace(deployment, `"replicas":0`, `"replicas":-1`, 1),
	} {
		if made, err := c.DryRun(ctx, []byte(text), manifests.Portable); err == nil {
			t.Errorf("%s is taken: %+v", text, made)
		}
	}
}

// lookups finds resources by their kind, new ones too.
func lookups(ctx context.Context, t *testing.T, config *rest.Config) {
	c := cluster(t, config)
	for _, known := range []struct {
		apiVersion, kind string
		want             manifests.Resource
	}{
		{"v1", "Pod", manifests.Resource{Version: "v1", Resource: "pods", Kind: "Pod", Namespaced: true, Status: true}},
		{"v1", "Service", manifests.Resource{Version: "v1", Resource: "services", Kind: "Service", Namespaced: true, Status: true}},
		{"v1", "ConfigMap", manifests.Resource{Version: "v1", Resource: "configmaps", Kind: "ConfigMap", Namespaced: true}},
		{"autoscaling/v1", "HorizontalPodAutoscaler", manifests.Resource{Group: "autoscaling", Version: "v1",
			Resource: "horizontalpodautoscalers", Kind: "HorizontalPodAutoscaler", Namespaced: true, Status: true}},
		{"serving.corpus.example.com/v1", "Service", manifests.Resource{Group: "serving.corpus.example.com", Version: "v1",
			Resource: "services", Kind: "Service", Namespaced: true, Status: true}},
	} {
		got, err := c.Lookup(ctx, known.apiVersion, known.kind)
		if err != nil || got != known.want {
			t.Errorf("%s of %s is %#v (%v), want %#v", known.kind, known.apiVersion, got, err, known.want)
		}
	}
	if r, err := c.Lookup(ctx, "corpus.example.com/v1", "Afterthought"); !meta.IsNoMatchError(err) {
		t.Errorf("a kind that is not there is %+v (%v)", r, err)
	}
	must(t, define(ctx, config, "afterthoughts", "Afterthought"))
	if r, err := c.Lookup(ctx, "corpus.example.com/v1", "Afterthought"); err != nil || r.Resource != "afterthoughts" {
		t.Errorf("a kind that is new is %+v (%v)", r, err)
	}
}
