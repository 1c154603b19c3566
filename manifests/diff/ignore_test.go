package diff_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
)

const workload = `{replicas: %d, containers: [{name: app, image: %s, args: [a, %s]}, {name: log, image: %s}]}`

func TestIgnoredPaths(t *testing.T) {
	annotated := func(value string) string {
		return strings.Replace(thing(fmt.Sprintf(workload, 1, "i", "b", "i")), "{name: x}", "{name: x, annotations: {"+value+"}}", 1)
	}
	a, b := thing(fmt.Sprintf(workload, 1, "i", "b", "i")), thing(fmt.Sprintf(workload, 2, "j", "c", "j"))
	fields := map[string]string{
		"replicas": "  spec.replicas changed a=1 b=2\n",
		"args":     "  spec.containers[name=app].args[1] changed a=\"b\" b=\"c\"\n",
		"app":      "  spec.containers[name=app].image changed a=\"i\" b=\"j\"\n",
		"log":      "  spec.containers[name=log].image changed a=\"i\" b=\"j\"\n",
	}
	for _, c := range []struct{ paths, left string }{
		{"spec.replicas", "args app log"},
		{"/spec/replicas", "args app log"},
		{"spec.containers[*].image", "replicas args"},
		{"/spec/containers/*/image", "replicas args"},
		{"spec.*[*].image", "replicas args"},
		{"spec.containers[name=app].image", "replicas args log"},
		{`spec.containers[name="app"].image`, "replicas args log"},
		{"spec.containers[1].image", "replicas args app"},
		{"/spec/containers/1/image", "replicas args app"},
		{"spec.containers[name=app].args[1]", "replicas app log"},
		{"spec.containers[name=app]", "replicas log"},
		{"spec.containers", "replicas"},
		{"spec", ""},
		{"spec.replica", "replicas args app log"},
		{"replicas", "replicas args app log"},
		{"spec.replicas.x", "replicas args app log"},
		{"spec.replicas spec.containers[*].args[*] spec.containers[*].image", ""},
	} {
		var rules []diff.Rule
		for path := range strings.FieldsSeq(c.paths) {
			rules = append(rules, diff.Rule{Path: path})
		}
		changes, summary := compare(t, files(t, a), files(t, b), diff.Options{Ignore: rules})
		want := ""
		for _, name := range []string{"args", "app", "log", "replicas"} {
			if strings.Contains(" "+c.left+" ", " "+name+" ") {
				want += fields[name]
			}
		}
		got := said(changes)
		if want == "" && (got != "" || summary.Ignored != 1 || summary.Same != 0 || diff.ExitCode(summary, nil) != 0) {
			t.Errorf("%s: the summary is %+v, the changes are\n%s", c.paths, *summary, got)
		}
		if _, got, _ = strings.Cut(got, "\n"); got != want {
			t.Errorf("%s: the changes are\n%swant\n%s", c.paths, got, want)
		}
	}
	// What is emptied by a rule is not there, and neither is what holds it.
	rules := []diff.Rule{{Path: `metadata.annotations["a/b"]`}, {Path: "/metadata/annotations/c~1d"}}
	changes, summary := compare(t, files(t, annotated("a/b: v, c/d: v")), files(t, thing(fmt.Sprintf(workload, 1, "i", "b", "i"))),
		diff.Options{Ignore: rules})
	if len(changes) != 0 || summary.Ignored != 1 {
		t.Errorf("the summary is %+v, the changes are\n%s", *summary, said(changes))
	}
	// So it is with lists.
	changes, summary = compare(t, files(t, thing("{l: [{name: x}]}")), files(t, thing("{}")),
		diff.Options{Ignore: []diff.Rule{{Path: "spec.l[name=x]"}}})
	if len(changes) != 0 || summary.Ignored != 1 {
		t.Errorf("the summary is %+v, the changes are\n%s", *summary, said(changes))
	}
}

// An empty element of a list has a meaning: a NetworkPolicy with ingress: [{}] lets all in, one with ingress: [] nobody.
func TestIgnoredFieldsOfElements(t *testing.T) {
	const open, closed = "{ingress: [{}]}", "{ingress: []}"
	const one = "{ingress: [{from: [{podSelector: {matchLabels: {a: b}}}]}]}"
	for _, c := range []struct {
		a, b, path string
		same       bool
	}{
		{open, closed, "spec.ingress[*].from", false},
		{open, closed, "spec.ingress[0].from", false},
		{one, closed, "spec.ingress[*].from", false},
		{one, open, "spec.ingress[*].from", true},
		{one, "{ingress: [{from: []}]}", "spec.ingress[*].from[*].podSelector", false},
		{one, "{ingress: [{from: [{}]}]}", "spec.ingress[*].from[*].podSelector.matchLabels.a", true},
		{open, closed, "spec.ingress[*]", true},
		{open, "{}", "spec.ingress[*]", true},
	} {
		changes, summary := compare(t, files(t, thing(c.a)), files(t, thing(c.b)), diff.Options{Ignore: []diff.Rule{{Path: c.path}}})
		if (len(changes) == 0) != c.same || summary.Ignored+len(changes) != 1 {
			t.Errorf("%s and %s without %s: the summary is %+v, the changes are\n%s", c.a, c.b, c.path, *summary, said(changes))
		}
	}
}

func TestRulesForSomeObjects(t *testing.T) {
	const text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x-1, namespace: shop}\ndata: {k: %s}\n---\n" +
		"apiVersion: v1\nkind: Secret\nmetadata: {name: w, namespace: other}\ndata: {k: %s}\n---\n" +
		"apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: x-1, namespace: shop}\ndata: {k: %s}\n"
	a, b := files(t, fmt.Sprintf(text, "v", "dg==", "v")), files(t, fmt.Sprintf(text, "w", "dw==", "w"))
	for _, c := range []struct {
		rule diff.Rule
		left string
	}{
		{diff.Rule{Path: "data.k"}, ""},
		{diff.Rule{Resource: "configmaps", Path: "data.k"}, "secrets/w things/x-1"},
		{diff.Rule{Group: "core", Path: "data.k"}, "things/x-1"},
		{diff.Rule{Group: "*.org", Path: "data.k"}, "configmaps/x-1 secrets/w"},
		{diff.Rule{Namespace: "shop", Path: "data.k"}, "secrets/w"},
		{diff.Rule{Name: "x-*", Path: "data.k"}, "secrets/w"},
		{diff.Rule{Name: "x-*", Group: "core", Path: "data.k"}, "secrets/w things/x-1"},
		{diff.Rule{Name: "x-*", Group: "core"}, "secrets/w things/x-1"},
		{diff.Rule{Namespace: "*"}, ""},
	} {
		changes, summary := compare(t, a, b, diff.Options{Ignore: []diff.Rule{c.rule}})
		var left []string
		for _, change := range changes {
			left = append(left, change.Resource+"/"+change.Name)
		}
		// They come by namespace.
		if got := strings.Join(left, " "); got != strings.Replace(c.left, "configmaps/x-1 secrets/w", "secrets/w configmaps/x-1", 1) {
			t.Errorf("%+v leaves %s, want %s", c.rule, got, c.left)
		}
		whole, gone := c.rule.Path == "", 3-len(left)
		if whole && (summary.OutOfView != gone || summary.Read != 2*len(left)) || !whole && summary.Ignored != gone {
			t.Errorf("%+v: the summary is %+v", c.rule, *summary)
		}
	}
}

func TestBadRules(t *testing.T) {
	side := &view{}
	for _, c := range []struct {
		rule diff.Rule
		want string
	}{
		{diff.Rule{}, "it is empty, and would ignore everything: name something"},
		{diff.Rule{Path: "a", Manager: "m"}, "it names both a path and a manager: name one"},
		{diff.Rule{Manager: "m"}, `nobody can be asked what manager "m" owns: set Options.Owners`},
		{diff.Rule{Name: "[", Path: "a"}, `"[": syntax error in pattern`},
		{diff.Rule{Path: "a..b"}, `path "a..b": there is a step without a name`},
		{diff.Rule{Path: ".a"}, `path ".a": there is a step without a name`},
		{diff.Rule{Path: "a[0]b"}, `path "a[0]b": a dot or bracket is missing between two steps`},
		{diff.Rule{Path: "a["}, `path "a[": a bracket holds no *, position, "key" or key=value`},
		{diff.Rule{Path: "a[]"}, `path "a[]": a bracket holds no *, position, "key" or key=value`},
		{diff.Rule{Path: "a[b]"}, `path "a[b]": a bracket holds no *, position, "key" or key=value`},
		{diff.Rule{Path: "a[-1]"}, `path "a[-1]": a bracket holds no *, position, "key" or key=value`},
		{diff.Rule{Path: "a[b=c"}, `path "a[b=c": a bracket holds no *, position, "key" or key=value`},
		{diff.Rule{Path: `a["b"`}, `path "a[\"b\"": a bracket holds no *, position, "key" or key=value`},
		{diff.Rule{Path: `a["b]`}, `path "a[\"b]": a bracket holds no *, position, "key" or key=value`},
		{diff.Rule{Path: `a[b="c"d]`}, `path "a[b=\"c\"d]": a bracket holds no *, position, "key" or key=value`},
		{diff.Rule{Path: `a[=c]`}, `path "a[=c]": a bracket holds no *, position, "key" or key=value`},
	} {
		_, err := diff.Compare(t.Context(), side, side, nil, diff.Options{Ignore: []diff.Rule{{Name: "x"}, c.rule}})
		if want := "compare objects: rule 2: " + c.want; err == nil || err.Error() != want {
			t.Errorf("the error of %+v is\n%v\nwant\n%s", c.rule, err, want)
		}
	}
}

// owners says who owns what of the objects that it knows.
type owners struct {
	managed string
	err     error
	asked   int
}

func (o *owners) ManagedFields(context.Context, manifests.Key) ([]byte, error) {
	o.asked++
	return []byte(o.managed), o.err
}

func TestFieldsOfManagers(t *testing.T) {
	const managed = `[
{"manager":"kube-controller-manager","operation":"Update","subresource":"scale","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:replicas":{}}}},
{"manager":"kube-controller-manager","operation":"Update","subresource":"status","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:containers":{}}}},
{"manager":"injector","operation":"Apply","fieldsType":"FieldsV1","fieldsV1":{
 "f:metadata":{"f:annotations":{".":{},"f:injected":{}}},
 "f:spec":{"f:containers":{"k:{\"name\":\"log\"}":{".":{},"f:name":{},"f:image":{}},"k:{\"name\":\"app\"}":{"f:args":{}}}}}},
{"manager":"lists","operation":"Apply","fieldsType":"FieldsV1","fieldsV1":{
 "f:spec":{"f:set":{"v:\"x\"":{},"v:3":{}},"f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{},"f:name":{}}}}}}
]`
	live := strings.Replace(thing(`{replicas: 5, set: [x, w, 3], ports: [{containerPort: 80, name: web}],
  containers: [{name: log, image: l}, {name: app, image: i, args: [a]}]}`), "{name: x}", "{name: x, annotations: {injected: v}}", 1)
	written := thing(`{replicas: 2, set: [w], containers: [{name: app, image: j}]}`)
	const (
		annotation = "  metadata.annotations added b={\"injected\":\"v\"}\n"
		image      = "  spec.containers[name=app].image changed a=\"j\" b=\"i\"\n"
		args       = "  spec.containers[name=app].args added b=[\"a\"]\n"
		log        = "  spec.containers[name=log] added b={\"image\":\"l\",\"name\":\"log\"}\n"
		ports      = "  spec.ports added b=[{\"containerPort\":80,\"name\":\"web\"}]\n"
		replicas   = "  spec.replicas changed a=2 b=5\n"
		moved      = "  spec.set[0] changed a=\"w\" b=\"x\"\n  spec.set[1] added b=\"w\"\n  spec.set[2] added b=3\n"
	)
	for _, c := range []struct{ manager, want string }{
		{"kube-*", annotation + args + image + log + ports + moved},
		{"injector", image + ports + replicas + moved},
		{"lists", annotation + args + image + log + replicas},
		{"nobody", annotation + args + image + log + ports + replicas + moved},
		{"*", image},
	} {
		o := &owners{managed: managed}
		changes, _ := compare(t, files(t, written), files(t, live), diff.Options{
			Ignore: []diff.Rule{{Manager: c.manager}, {Manager: c.manager}}, Owners: o,
		})
		if _, got, _ := strings.Cut(said(changes), "\n"); got != c.want {
			t.Errorf("%s: the changes are\n%swant\n%s", c.manager, got, c.want)
		}
		if o.asked != 1 {
			t.Errorf("%s: asked %d times", c.manager, o.asked)
		}
	}
}

// What others own of an element is still told as that element's.
func TestElementThatIsOwnedInPart(t *testing.T) {
	o := &owners{managed: `[{"manager":"m","fieldsV1":{"f:spec":{"f:containers":{"k:{\"name\":\"log\"}":{".":{},"f:name":{},"f:image":{}}}}}}]`}
	written, live := thing("{containers: [{name: log, image: i, args: [a]}]}"), thing("{containers: [{name: log, image: j, args: [b]}]}")
	changes, _ := compare(t, files(t, written), files(t, live), diff.Options{Ignore: []diff.Rule{{Manager: "m"}}, Owners: o})
	wantSaid(t, changes, "things.example.org/x -n default changed\n  spec.containers[name=log].args[0] changed a=\"a\" b=\"b\"\n")
}

func TestOwnersThatDoNotAnswer(t *testing.T) {
	a, b := files(t, thing("{a: 1}")), files(t, thing("{a: 2}"))
	for _, c := range []struct {
		owners owners
		want   string
	}{
		{owners{err: errors.New("no route")}, "things.example.org/x -n default failed: ask who owns the fields: no route\n"},
		{owners{managed: "{"},
			"things.example.org/x -n default failed: ask who owns the fields: managedFields are not as the API server writes them\n"},
		{owners{err: apierrors.NewNotFound(schema.GroupResource{}, "x")},
			"things.example.org/x -n default changed\n  spec.a changed a=1 b=2\n"},
		{owners{}, "things.example.org/x -n default changed\n  spec.a changed a=1 b=2\n"},
	} {
		changes, _ := compare(t, a, b, diff.Options{Ignore: []diff.Rule{{Manager: "m"}}, Owners: &c.owners})
		wantSaid(t, changes, c.want)
	}
}
