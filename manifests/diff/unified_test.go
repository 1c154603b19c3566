package diff_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
)

func unified(t testing.TB, changes []*diff.Change) string {
	t.Helper()
	var out bytes.Buffer
	for _, c := range changes {
		if err := diff.Unified(&out, c); err != nil {
			t.Error(err)
		}
	}
	return out.String()
}

func TestUnified(t *testing.T) {
	const a = `apiVersion: v1
kind: ConfigMap
metadata: {name: x, namespace: shop}
data: {a: "1", b: "2", c: "3", d: "4", e: "5", f: "6", g: "7", h: "8"}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: "My Role:*?"}
rules: []
`
	b := strings.Replace(strings.Replace(a, `b: "2"`, `b: "two"`, 1), `h: "8"`, "h: \"8\", t: \"line\\nline\\n\"", 1)
	b = strings.Replace(b, "My Role:*?", `evil\x1b[31m`, 1)
	changes, _ := compare(t, files(t, a), files(t, b), diff.Options{})
	want := `--- a/cluster/clusterroles.rbac.authorization.k8s.io/My Role:*?	all.yaml:6
+++ /dev/null
@@ -1,5 +0,0 @@
-apiVersion: rbac.authorization.k8s.io/v1
-kind: ClusterRole
-metadata:
-  name: My Role:*?
-rules: []
--- /dev/null
+++ "b/cluster/clusterroles.rbac.authorization.k8s.io/evil\x1b[31m"	all.yaml:6
@@ -0,0 +1,5 @@
+apiVersion: rbac.authorization.k8s.io/v1
+kind: ClusterRole
+metadata:
+  name: "evil\u001b[31m"
+rules: []
--- a/namespaces/shop/configmaps/x	all.yaml:1
+++ b/namespaces/shop/configmaps/x	all.yaml:1
@@ -1,13 +1,16 @@
 apiVersion: v1
 data:
   a: "1"
-  b: "2"
+  b: two
   c: "3"
   d: "4"
   e: "5"
   f: "6"
   g: "7"
   h: "8"
+  t: |
+    line
+    line
 kind: ConfigMap
 metadata:
   name: x
`
	if got := unified(t, changes); got != want {
		t.Errorf("the text is\n%s\nwant\n%s", got, want)
	}
}

func TestUnifiedOfSecrets(t *testing.T) {
	changes, _ := compare(t, secret(t, "data: {p: aHVudGVyMQ==, q: aHVudGVy}\n"), secret(t, "data: {p: aHVudGVyMg==, q: aHVudGVy}\n"), diff.Options{})
	want := `--- a/cluster/secrets/x
+++ b/cluster/secrets/x
@@ -1,6 +1,6 @@
 apiVersion: v1
 data:
-  p: '*** (before)'
+  p: '*** (after)'
   q: '***'
 kind: Secret
 metadata:
`
	if got := strings.ReplaceAll(unified(t, changes), `"`, "'"); got != want {
		t.Errorf("the text is\n%s\nwant\n%s", got, want)
	}
}

// With a base there is a part for each side that has moved.
func TestUnifiedOfThree(t *testing.T) {
	side := func(spec string) diff.Side {
		if spec == "" {
			return files(t, "")
		}
		return files(t, thing(spec))
	}
	for _, c := range []struct{ base, a, b, want string }{
		{"{x: 1}", "{x: 2}", "{x: 1}", "--- base +++ a -1 +2"},
		{"{x: 1}", "{x: 1}", "{x: 2}", "--- base +++ b -1 +2"},
		{"{x: 1}", "{x: 2}", "{x: 2}", "--- base +++ a -1 +2"},
		{"{x: 1}", "{x: 2}", "{x: 3}", "--- base +++ a -1 +2 --- base +++ b -1 +3"},
		{"{x: 1}", "", "{x: 3}", "--- base +++ /dev/null -1 --- base +++ b -1 +3"},
	} {
		changes, _ := compare(t, side(c.a), side(c.b), diff.Options{Base: side(c.base)})
		var got []string
		for line := range strings.Lines(unified(t, changes)) {
			line, _, _ = strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			line = strings.Replace(line, "/namespaces/default/things.example.org/x", "", 1)
			switch mark := line[:1]; {
			case strings.Contains(line, "  x: "):
				got = append(got, mark+line[len(line)-1:])
			case len(line) > 3 && strings.Trim(line[:3], "+-") == "":
				got = append(got, line)
			}
		}
		if got := strings.Join(got, " "); got != c.want {
			t.Errorf("base %s, a %s, b %s: the text has %s, want %s", c.base, c.a, c.b, got, c.want)
		}
	}
}

func TestUnifiedOfWhatFailed(t *testing.T) {
	c := &diff.Change{Key: manifests.Key{Resource: "nodes", Name: "x"}, What: diff.Failed, Why: "no\nroute"}
	if got, want := unified(t, []*diff.Change{c}), "# cluster/nodes/x: not compared: \"no\\nroute\"\n"; got != want {
		t.Errorf("the text is %q, want %q", got, want)
	}
}

// What a rule ignores is no line that differs.
func TestUnifiedWithoutIgnored(t *testing.T) {
	a, b := files(t, thing("{x: 1, y2: 1}")), files(t, thing("{x: 2, y2: 2}"))
	changes, _ := compare(t, a, b, diff.Options{Ignore: []diff.Rule{{Path: "spec.x"}}})
	if got := unified(t, changes); strings.Contains(got, "  x:") || !strings.Contains(got, "+  y2: 2") {
		t.Errorf("the text is\n%s", got)
	}
}

type fullPipe struct{}

func (fullPipe) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestUnifiedTellsOfWrites(t *testing.T) {
	changes, _ := compare(t, files(t, thing("{x: 1}")), files(t, fmt.Sprintf(configMap, "x", "v")), diff.Options{})
	if err := diff.Unified(fullPipe{}, changes[0]); err == nil || err.Error() != "full" {
		t.Errorf("the error is %v", err)
	}
}
