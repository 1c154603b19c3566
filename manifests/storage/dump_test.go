package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests"
)

// received is a receiver that keeps what it gets, and fails at one object if it is told to.
type received struct {
	begun   []manifests.Instant
	objects map[manifests.Key]string
	failAt  string
}

func (r *received) Begin(at manifests.Instant) error {
	r.begun, r.objects = append(r.begun, at), map[manifests.Key]string{}
	return nil
}

var errReceiver = errors.New("the disk is full")

func (r *received) Object(o *manifests.Object) error {
	if o.Name == r.failAt {
		return errReceiver
	}
	r.objects[o.Key] = string(bytes.Clone(o.YAML))
	return nil
}

// each yields keys, and then an error if it is not nil.
func each(err error, keys ...*mvccpb.KeyValue) iter.Seq2[*mvccpb.KeyValue, error] {
	return func(yield func(*mvccpb.KeyValue, error) bool) {
		for _, kv := range keys {
			if !yield(kv, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

func keyed(key, value string) *mvccpb.KeyValue {
	return &mvccpb.KeyValue{Key: []byte(key), Value: []byte(value), ModRevision: 7}
}

// newThing is what a newer Kubernetes may have.
const newThing = `{"apiVersion":"new.k8s.io/v1","kind":"NewThing","metadata":{"name":"n","namespace":"shop"}}`

// odds are keys of every sort: those that have an object, and those that have none or none that can be read.
func odds(t testing.TB) []*mvccpb.KeyValue {
	whole := stored(t, "/registry/deployments/shop/web", web)
	second := stored(t, "/registry/deployments/shop/web2", strings.ReplaceAll(web, `"name":"web"`, `"name":"web2"`))
	e, err := open(second.Value)
	if err != nil {
		t.Fatal(err)
	}
	second.Value = wrap("apps/v1", "Deployment", append(bytes.Clone(e.raw), field42("new")...))
	meta := within(within([]byte("old"), 1), 1)
	return []*mvccpb.KeyValue{
		whole, second,
		stored(t, "/registry/namespaces/shop", `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}`),
		stored(t, "/registry/events/shop/e", anEvent),
		stored(t, "/registry/pods/shop/other", `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"shop"}}`),
		keyed("/registry/secrets/shop/s", "k8s:enc:aescbc:v1:key1:xxx"),
		keyed("/registry/podsecuritypolicy/old", string(wrap("policy/v1beta1", "PodSecurityPolicy", meta))),
		keyed("/registry/example.com/widgets/shop/w", widget),
		keyed("/registry/newthings/shop/n", newThing),
		keyed("/registry/masterleases/10.0.0.1", "x"),
		keyed("/registry/garbage", "x"),
		keyed("/registry/nodes/n", "x"),
		keyed("compact_rev_key", "7"),
		keyed("/somebody/else", "x"),
	}
}

func TestDumpReportsEachKey(t *testing.T) {
	failed := map[string]string{}
	var to received
	at := manifests.Instant{ResourceVersion: "7", ServerVersion: "v1.37.2"}
	report, err := newDecoder(t, Options{}).Dump(t.Context(), each(nil, odds(t)...), at, &to, Selection{
		Failed: func(kv *mvccpb.KeyValue, err error) { failed[string(kv.Key)] = err.Error() },
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(to.objects) != 5 || report.Objects != 5 || !slices.Equal(to.begun, []manifests.Instant{at}) || report.Instant != at {
		t.Errorf("%d objects, %d reported, of %v", len(to.objects), report.Objects, to.begun)
	}
	for key, want := range map[string]string{
		"/registry/deployments/shop/web2": "#42",
		"/registry/pods/shop/other":       `it is "p"`,
		"/registry/secrets/shop/s":        "encrypted",
		"/registry/podsecuritypolicy/old": "does not know the type",
		"/registry/garbage":               "like nothing",
		"/registry/nodes/n":               "like nothing",
	} {
		if !strings.Contains(failed[key], want) {
			t.Errorf("%s: %q, want %q", key, failed[key], want)
		}
		delete(failed, key)
	}
	if len(failed) > 0 || report.Complete() {
		t.Errorf("failed, too: %v; complete: %t", failed, report.Complete())
	}
	for _, want := range []string{
		`deployments.apps v1: failed: 1 of 2 could not be read: decode "/registry/deployments/shop/web2": the object has fields that`,
		"events.events.k8s.io v1: listed 1",
		"events v1: same objects: its objects are those of events.events.k8s.io",
		"namespaces v1: listed 1",
		"newthings.new.k8s.io v1: listed 1: no CustomResourceDefinition of it was learned",
		"pods v1: failed: 1 of 1 could not be read",
		"podsecuritypolicies.policy v1beta1: failed: 1 of 1 could not be read",
		`secrets v1: failed: 1 of 1 could not be read: decode "/registry/secrets/shop/s": the value is encrypted by aescbc`,
		"widgets.example.com v1: listed 1: no CustomResourceDefinition of it was learned",
		`* : failed: 2 keys below /registry are like nothing that an API server writes, "/registry/garbage" is the first`,
		`* : excluded: 1 keys are not below /registry, "/somebody/else" is the first`,
		"cronjobs.batch v1: listed 0",
		"customresourcedefinitions.apiextensions.k8s.io v1: listed 0",
	} {
		if !hasOutcome(report, want) {
			t.Errorf("there is no outcome %s", want)
		}
	}
	if t.Failed() {
		for _, o := range report.Outcomes {
			t.Log(withVersion(o))
		}
	}
}

// withVersion writes an outcome with its version behind its resource and namespace.
func withVersion(o manifests.Outcome) string {
	return strings.Replace(o.String(), ":", " "+o.Version+":", 1)
}

func hasOutcome(report *manifests.Report, want string) bool {
	n := 0
	for _, o := range report.Outcomes {
		if strings.HasPrefix(withVersion(o), want) {
			n++
		}
	}
	return n == 1
}

// widgetAt is a widget with a name and at a version.
func widgetAt(name, version string) *mvccpb.KeyValue {
	value := strings.NewReplacer(`"w"`, `"`+name+`"`, "com/v1", "com/"+version).Replace(widget)
	return keyed("/registry/example.com/widgets/shop/"+name, value)
}

func TestDumpOfDefinitions(t *testing.T) {
	spec := "  versions: [{name: v1, storage: true}]\n  subresources: {status: {}}\n"
	defined, object := definitionKV(t, "v1beta1", spec), keyed("/registry/example.com/widgets/shop/w", widget)
	learned := newDecoder(t, Options{})
	if err := learned.Learn(defined); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		decoder *Decoder
		keys    []*mvccpb.KeyValue
		want    string
	}{
		"learned":            {learned, []*mvccpb.KeyValue{object, defined}, "widgets.example.com v1: listed 1"},
		"learned, no object": {learned, []*mvccpb.KeyValue{defined}, "widgets.example.com v1: listed 0"},
		"not learned": {
			newDecoder(t, Options{}), []*mvccpb.KeyValue{object, defined},
			"widgets.example.com v1: failed: its CustomResourceDefinition is among the keys and was not learned before",
		},
		"of no definition": {
			newDecoder(t, Options{}), []*mvccpb.KeyValue{object},
			"widgets.example.com v1: listed 1: no CustomResourceDefinition of it was learned",
		},
		"at two versions": {
			learned, []*mvccpb.KeyValue{
				object, widgetAt("x", "v2"), widgetAt("y", "v2"),
			}, "widgets.example.com v2: listed 3: it is stored at several versions: 1 at v1, 2 at v2",
		},
	} {
		keys := append(c.keys, keyed("/registry/ranges/serviceips", "x"))
		report, err := c.decoder.Dump(t.Context(), each(nil, keys...), manifests.Instant{}, &received{}, Selection{})
		if err != nil || !hasOutcome(report, c.want) {
			t.Errorf("%s: %v, %v", name, err, report.Outcomes)
		}
		for _, o := range report.Outcomes {
			status := c.decoder == learned && o.Version == "v1"
			if o.Resource.Resource == "widgets" && (o.Kind != "Widget" || !o.Namespaced || o.Status != status) {
				t.Errorf("%s: %+v", name, o)
			}
		}
	}
}

// Of a resource without objects all is known from its definition.
func TestDumpOfDefinitionWithoutObjects(t *testing.T) {
	const versions = "  versions: [{name: v2}, {name: v1, storage: true, subresources: {status: {}}}, {name: v3}]\n"
	defined := definitionKV(t, "v1", versions)
	for scope, namespaced := range map[string]bool{"Namespaced": true, "Cluster": false} {
		d, kv := newDecoder(t, Options{}), *defined
		kv.Value = bytes.ReplaceAll(kv.Value, []byte("Namespaced"), []byte(scope))
		if err := d.Learn(&kv); err != nil {
			t.Fatal(err)
		}
		keys := each(nil, &kv, keyed("/registry/ranges/serviceips", "x"))
		report, err := d.Dump(t.Context(), keys, manifests.Instant{}, &received{}, Selection{})
		if err != nil {
			t.Fatal(err)
		}
		want := manifests.Outcome{State: manifests.Listed, Resource: manifests.Resource{
			Group: "example.com", Version: "v1", Resource: "widgets", Kind: "Widget", Namespaced: namespaced, Status: true,
		}}
		if !slices.Contains(report.Outcomes, want) {
			t.Errorf("%s: %+v", scope, report.Outcomes)
		}
	}
}

func TestDumpSelects(t *testing.T) {
	keys := each(nil, odds(t)...)
	for name, c := range map[string]struct {
		s    Selection
		want []string // objects
		out  []string // outcomes
	}{
		"a class": {Selection{Classes: []manifests.Class{manifests.Generated}}, []string{"e"}, []string{"namespaces v1: listed 1"}},
		"a label": {Selection{LabelSelector: "app=web"}, []string{"w", "web"}, []string{
			"namespaces v1: listed 0", "deployments.apps v1: failed: 1 of 2",
		}},
		"a namespace": {Selection{Namespaces: []string{"shop"}}, []string{"e", "n", "w", "web"}, []string{
			"namespaces v1: excluded", "nodes v1: excluded", "secrets in shop v1: failed", "cronjobs.batch in shop v1: listed 0",
			"podsecuritypolicies.policy v1beta1: excluded", "* : failed: 1 keys below /registry are like nothing",
		}},
		"resources": {
			Selection{Exclude: func(r manifests.Resource) bool {
				return r.Resource == "secrets" || r.Resource == "widgets" || r.Group == "apps"
			}}, []string{"e", "n", "shop"},
			[]string{"secrets v1: excluded", "widgets.example.com v1: excluded", "deployments.apps v1: excluded"},
		},
	} {
		var to received
		report, err := newDecoder(t, Options{}).Dump(t.Context(), keys, manifests.Instant{}, &to, c.s)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for key := range to.objects {
			got = append(got, key.Name)
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		for _, want := range c.out {
			if !slices.ContainsFunc(report.Outcomes, func(o manifests.Outcome) bool { return strings.HasPrefix(withVersion(o), want) }) {
				t.Errorf("%s: there is no outcome %s\n%v", name, want, report.Outcomes)
			}
		}
	}
}

// In whatever order keys and selections come, a report is the same.
func TestDumpInAnyOrder(t *testing.T) {
	keys := []*mvccpb.KeyValue{
		keyed("/registry/pods/shop/a", "x"), keyed("/registry/pods/shop/b", "x"), keyed("/registry/aaa", "x"),
		keyed("/registry/zzz", "x"), keyed("/x", "x"), keyed("/y", "x"),
		stored(t, "/registry/namespaces/empty", `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"empty"}}`),
	}
	s := Selection{
		Namespaces: []string{"shop", "empty", "shop"},
		Classes:    []manifests.Class{manifests.User, manifests.Bootstrap, manifests.User},
		Exclude:    func(r manifests.Resource) bool { return r.Resource == "cronjobs" },
	}
	for range 2 {
		report, err := newDecoder(t, Options{}).Dump(t.Context(), each(nil, keys...), manifests.Instant{}, &received{}, s)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			`pods in shop v1: failed: 2 of 2 could not be read: decode "/registry/pods/shop/a"`, "pods in empty v1: listed 0",
			`* : failed: 2 keys below /registry are like nothing that an API server writes, "/registry/aaa" is`,
			`* : excluded: 2 keys are not below /registry, "/x" is`, "cronjobs.batch v1: excluded",
		} {
			if !hasOutcome(report, want) {
				t.Errorf("there is no outcome %s\n%v", want, report.Outcomes)
			}
		}
		if !slices.Equal(report.Selection.Classes, []manifests.Class{manifests.Bootstrap, manifests.User}) {
			t.Errorf("%v", report.Selection)
		}
		slices.Reverse(keys)
	}
}

func TestDumpEnds(t *testing.T) {
	broken := errors.New("the snapshot is broken")
	ended, end := context.WithCancelCause(t.Context())
	gone := errors.New("nobody waits")
	end(gone)
	many := make([]*mvccpb.KeyValue, 100)
	for i := range many {
		many[i] = widgetAt(fmt.Sprintf("w%d", i), "v1")
	}
	for name, c := range map[string]struct {
		ctx  context.Context
		keys iter.Seq2[*mvccpb.KeyValue, error]
		to   received
		s    Selection
		want error
		text string
	}{
		"keys":      {t.Context(), each(broken, many...), received{}, Selection{}, broken, ""},
		"receiver":  {t.Context(), each(nil, many...), received{failAt: "w50"}, Selection{}, errReceiver, ""},
		"context":   {ended, each(nil, many...), received{}, Selection{}, gone, ""},
		"namespace": {t.Context(), each(nil, many...), received{}, Selection{Namespaces: []string{"shop", "x"}}, nil, "namespace x"},
		"no name":   {t.Context(), each(nil), received{}, Selection{Namespaces: []string{""}}, nil, "has no name"},
		"labels":    {t.Context(), each(nil), received{}, Selection{LabelSelector: "a b"}, nil, "label selector"},
		"one kind":  {t.Context(), each(nil, many...), received{}, Selection{}, nil, `begin with "/registry/example.com/`},
	} {
		report, err := newDecoder(t, Options{}).Dump(c.ctx, c.keys, manifests.Instant{}, &c.to, c.s)
		if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if report != nil && report.Complete() {
			t.Errorf("%s: complete", name)
		}
	}
}

func TestDumpBelowTheWrongPrefix(t *testing.T) {
	d := newDecoder(t, Options{Prefix: "/other"})
	report, err := d.Dump(t.Context(), each(nil, odds(t)...), manifests.Instant{}, &received{}, Selection{})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Outcomes) != 1 || !strings.Contains(report.Outcomes[0].Why, "another --etcd-prefix") || report.Complete() {
		t.Errorf("%v", report.Outcomes)
	}
}

// Hostile keys have as many resources as they like.
func TestDumpBoundsItsReport(t *testing.T) {
	const more = 10
	keys := func(yield func(*mvccpb.KeyValue, error) bool) {
		for i := range maxTallies + more {
			group := fmt.Sprintf("g%d.example.com", i)
			value := strings.ReplaceAll(widget, "example.com", group)
			if !yield(keyed("/registry/"+group+"/widgets/shop/w", value), nil) || !yield(keyed("compact_rev_key", "x"), nil) {
				return
			}
		}
	}
	report, err := newDecoder(t, Options{}).Dump(t.Context(), keys, manifests.Instant{}, &received{}, Selection{})
	if err != nil {
		t.Fatal(err)
	}
	own := len(builtIn()) + 1 // events twice
	if len(report.Outcomes) != maxTallies+own+1 || report.Complete() || report.Objects != maxTallies+more {
		t.Errorf("%d outcomes of %d objects", len(report.Outcomes), report.Objects)
	}
}
