package diff_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/manifests/diff"
)

// thing is a custom resource with a spec, in the flow form of YAML.
func thing(spec string) string {
	return "apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: x}\nspec: " + spec + "\n"
}

func TestFields(t *testing.T) {
	for _, c := range []struct{ name, a, b, want string }{
		{"scalars", `{a: 1, b: x, c: true}`, `{a: 2, b: w, c: false}`, `
  spec.a changed a=1 b=2
  spec.b changed a="x" b="w"
  spec.c changed a=true b=false`},
		{"another type", `{a: 1, b: {c: 1}, d: [1], e: null}`, `{a: "1", b: [1], d: 1, e: false}`, `
  spec.a changed a=1 b="1"
  spec.b changed a={"c":1} b=[1]
  spec.d changed a=[1] b=1
  spec.e changed a=null b=false`},
		{"absent is neither null nor empty", `{a: null, c: {}}`, `{b: {}, d: []}`, `
  spec.a removed a=null
  spec.b added b={}
  spec.c removed a={}
  spec.d added b=[]`},
		{"integers that are one float64", `{a: 9007199254740992, b: -9223372036854775808}`,
			`{a: 9007199254740993, b: -9223372036854775807}`, `
  spec.a changed a=9007199254740992 b=9007199254740993
  spec.b changed a=-9223372036854775808 b=-9223372036854775807`},
		{"odd keys", `{"a.b/c": 1, "": 1, "ü]": 1, "a b": 1, "1": 1}`, `{}`, `
  spec[""] removed a=1
  spec["1"] removed a=1
  spec["a b"] removed a=1
  spec["a.b/c"] removed a=1
  spec["ü]"] removed a=1`},
		{"lists by position", `{l: [a, b, c, d]}`, `{l: [a, x, c, d]}`, `
  spec.l[1] changed a="b" b="x"`},
		{"one more before others", `{l: [b, c]}`, `{l: [a, b, c]}`, `
  spec.l[0] added b="a"`},
		{"one less at the end", `{l: [a, b, b]}`, `{l: [a, b]}`, `
  spec.l[2] removed a="b"`},
		{"moved", `{l: [a, b]}`, `{l: [b, a]}`, `
  spec.l[0] changed a="a" b="b"
  spec.l[1] changed a="b" b="a"`},
		{"maps by position", `{l: [{a: 1, b: 1}, {c: 1}]}`, `{l: [{a: 2, b: 1}, {c: 1}]}`, `
  spec.l[0].a changed a=1 b=2`},
		{"emptied", `{l: [a]}`, `{l: []}`, `
  spec.l[0] removed a="a"`},
		{"names", `{l: [{name: a, v: 1}, {name: b, v: 1}]}`, `{l: [{name: c, v: 1}, {name: a, v: 2}]}`, `
  spec.l[name=a].v changed a=1 b=2
  spec.l[name=b] removed a={"name":"b","v":1}
  spec.l[name=c] added b={"name":"c","v":1}`},
		{"odd names", `{l: [{name: "a]"}, {name: "b c"}, {name: 1}]}`, `{l: []}`, `
  spec.l[name="a]"] removed a={"name":"a]"}
  spec.l[name="b c"] removed a={"name":"b c"}
  spec.l[name=1] removed a={"name":1}`},
		{"another order", `{l: [{name: a}, {name: b}, {name: c}]}`, `{l: [{name: c}, {name: a}, {name: d}]}`, `
  spec.l[name=b] removed a={"name":"b"}
  spec.l[name=d] added b={"name":"d"}
  spec.l reordered a=["name=a","name=c"] b=["name=c","name=a"]`},
		{"a name twice", `{l: [{name: a, v: 1}, {name: a, v: 2}]}`, `{l: [{name: a, v: 1}, {name: a, v: 3}]}`, `
  spec.l[1].v changed a=2 b=3`},
		{"one without a name", `{l: [{name: a, v: 1}, {v: 2}]}`, `{l: [{name: a, v: 1}, {v: 3}]}`, `
  spec.l[1].v changed a=2 b=3`},
		{"ports of a container", `{ports: [{containerPort: 80, name: a}, {containerPort: 80, protocol: UDP, name: b}]}`,
			`{ports: [{containerPort: 80, protocol: TCP, name: x}, {containerPort: 80, protocol: UDP, name: w}]}`, `
  spec.ports[containerPort=80,protocol=TCP].name changed a="a" b="x"
  spec.ports[containerPort=80,protocol=TCP].protocol added b="TCP"
  spec.ports[containerPort=80,protocol=UDP].name changed a="b" b="w"`},
		{"ports of a service", `{ports: [{port: 80, nodePort: 1}]}`, `{ports: [{port: 80, nodePort: 2}]}`, `
  spec.ports[port=80,protocol=TCP].nodePort changed a=1 b=2`},
		{"no key without its first field", `{ports: [{protocol: TCP, x: 1}]}`, `{ports: [{protocol: TCP, x: 2}]}`, `
  spec.ports[0].x changed a=1 b=2`},
		{"nested lists", `{l: [{name: a, env: [{name: E, value: x}]}]}`, `{l: [{name: a, env: [{name: E, value: w}]}]}`, `
  spec.l[name=a].env[name=E].value changed a="x" b="w"`},
	} {
		changes, _ := compare(t, files(t, thing(c.a)), files(t, thing(c.b)), diff.Options{})
		if got, want := said(changes), "things.example.org/x -n default changed"+c.want+"\n"; got != want {
			t.Errorf("%s: the changes are\n%swant\n%s", c.name, got, want)
		}
	}
}

// How YAML is written makes no difference.
func TestSpellings(t *testing.T) {
	a := "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\ndata:\n  \"a\": 'yes'\n  t: |\n    one\n    two\n  b: &b \"1\"\n  c: *b\n"
	b := `{"data":{"c":"1","b":"1","t":"one\ntwo\n","a":"y\u0065s"},"kind":"ConfigMap","metadata":{"name":"x"},"apiVersion":"v1"}`
	if changes, _ := compare(t, files(t, a), files(t, b), diff.Options{}); len(changes) != 0 {
		t.Errorf("the changes are\n%s", said(changes))
	}
}

func TestChangeAsJSON(t *testing.T) {
	changes, _ := compare(t, files(t, thing("{a: 1.5, b: null}")), files(t, thing("{a: 2}")), diff.Options{})
	got, err := json.Marshal(changes[0])
	if err != nil {
		t.Fatal(err)
	}
	want := `{"group":"example.org","resource":"things","namespace":"default","name":"x","kind":"Thing","class":"user",
"change":"changed","fields":[{"path":"spec.a","change":"changed","a":1.5,"b":2},{"path":"spec.b","change":"removed","a":null}],
"placeA":"all.yaml:1","placeB":"all.yaml:1"}`
	if want = strings.ReplaceAll(want, "\n", ""); string(got) != want {
		t.Errorf("the JSON is\n%s\nwant\n%s", got, want)
	}
}
