package diff_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
)

// entriesOf gives the keys of a side, sorted.
func entriesOf(t testing.TB, side diff.Side) string {
	t.Helper()
	var keys []string
	for e, err := range side.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, e.Key.String())
	}
	slices.Sort(keys)
	return strings.Join(keys, ", ")
}

func TestFormsOfFiles(t *testing.T) {
	const head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"
	one, two := fmt.Sprintf(head, "one"), fmt.Sprintf(head, "two")
	const jsonOne = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"one"}}`
	const oneKey, bothKeys = "configmaps/one -n default", "configmaps/one -n default, configmaps/two -n default"
	indented := func(text string) string {
		return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
	}
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"comments", "# nothing\n---\n\n# here\n---\n", ""},
		{"null", "~\n---\nnull\n", ""},
		{"one", one, oneKey},
		{"no newline at the end", strings.TrimSuffix(one, "\n"), oneKey},
		{"carriage returns", strings.ReplaceAll(one+"---\n"+two, "\n", "\r\n"), bothKeys},
		{"carriage returns only", strings.ReplaceAll(one+"---\n"+two, "\n", "\r"), bothKeys},
		{"byte order mark", "\ufeff" + one, oneKey},
		{"two", one + "---\n" + two, bothKeys},
		{"markers with comments", "--- # first\n" + one + "---   \n# second\n" + two + "...\n", bothKeys},
		{"end marker between", one + "...\n" + two, bothKeys},
		{"no marker in a text", one + "data: {k: \"---\"}\nmore: |\n  ---\n  kind: x\n", oneKey},
		{"indented", indented(one) + "---\n" + indented(two), bothKeys},
		{"json", jsonOne, oneKey},
		{"json in a row", jsonOne + "\n" + strings.Replace(jsonOne, "one", "two", 1), bothKeys},
		{"json without blanks between", jsonOne + strings.Replace(jsonOne, "one", "two", 1), bothKeys},
		{"json and yaml", jsonOne + "\n---\n" + two, bothKeys},
		{"list", "apiVersion: v1\nkind: List\nitems:\n- " + strings.ReplaceAll(strings.TrimSpace(one), "\n",
			"\n  ") + "\n- " +
			strings.ReplaceAll(strings.TrimSpace(two), "\n", "\n  ") + "\n", bothKeys},
		{"list of a kind",
			"apiVersion: v1\nkind: ConfigMapList\nitems: [{metadata: {name: one}}, {metadata: {name: two}}]\n", bothKeys},
		{"empty list", "apiVersion: v1\nkind: List\nitems: []\n", ""},
		{"other files", one + "== two.yml\n" + two + "== three.json\n" + strings.Replace(jsonOne, "one",
			"six", 1) + "== notes.md\n# no\n",
			"configmaps/one -n default, configmaps/six -n default, configmaps/two -n default"},
		{"hidden files", one + "== .hidden.yaml\n" + two + "== .git/config.yaml\n" + two + "== sub/.x/two.yaml\n" + two, oneKey},
		{"namespaces", strings.Replace(one, "one", "one, namespace: shop", 1), "configmaps/one -n shop"},
		{"a namespace that is none",
			"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: x, namespace: shop}\n",
			"clusterroles.rbac.authorization.k8s.io/x"},
		{"another version", "apiVersion: apps/v1beta1\nkind: Deployment\nmetadata: {name: x}\n",
			"deployments.apps/x -n default"},
	} {
		side, err := diff.Files(t.Context(), fsOf(c.text), diff.Kinds(resources), diff.FileOptions{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := entriesOf(t, side); got != c.want {
			t.Errorf("%s: there are %s, want %s", c.name, got, c.want)
		}
	}
}

func TestBadFiles(t *testing.T) {
	const one = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n"
	bomb := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: &a " + strings.Repeat("x", 1<<20) +
		", b: [" + strings.Repeat("*a,", 30) + "]}\n"
	item := "{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}"
	for _, c := range []struct{ name, text, want string }{
		{"no yaml", "a: b\n---\n\na: {\n", "all.yaml:4: it is not YAML: correct it"},
		{"a template", one + "---\n{{ if .x }}\n",
			"all.yaml:5: it begins with { and is not JSON: correct it, or write it as a map of YAML"},
		{"a scalar", "hello\n", "all.yaml:1: it is not a map: a manifest has apiVersion, kind and metadata"},
		{"a list", "\n- a\n", "all.yaml:2: it is not a map: a manifest has apiVersion, kind and metadata"},
		{"a flow list", "[]\n", "all.yaml:1: a manifest can't begin with '[': write it as a map of YAML, or JSON"},
		{"a directive", "%YAML 1.2\n---\n" + one,
			"all.yaml:1: a manifest can't begin with '%': write it as a map of YAML, or JSON"},
		{"behind a marker", "--- {a: b}\n",
			"all.yaml:1: something follows the marker of a document: put it on a line of its own"},
		{"a flow map of yaml", "{a: b}\n",
			"all.yaml:1: it begins with { and is not JSON: correct it, or write it as a map of YAML"},
		{"indented less", one + "---\n  a: b\nc: d\n",
			"all.yaml:6: it is indented less than the first line of its document: indent them alike"},
		{"a key twice", one + "---\n" + one + "data:\n  b: x\n  b: z\n",
			"all.yaml:10: a key is there twice in one map: take one away"},
		{"a key twice in json", one + "---\n{\"a\": [{\"b\": 1}, {\"b\": 1, \"c\": {}, \"b\": 2}]}",
			"all.yaml:5: a key is there twice in one map: take one away"},
		{"a value like a key in json", `{"a": "a", "b": ["a", "a", {"c": "a"}], "a ": 1}`,
			"all.yaml:1: it has no apiVersion or no kind, so it is no manifest: correct it, or skip the file"},
		{"half json", "{\"a\": 1}\n {\"b\"",
			"all.yaml:2: it begins with { and is not JSON: correct it, or write it as a map of YAML"},
		{"no kind", "apiVersion: v1\n",
			"all.yaml:1: it has no apiVersion or no kind, so it is no manifest: correct it, or skip the file"},
		{"no apiVersion", "kind: ConfigMap\n",
			"all.yaml:1: it has no apiVersion or no kind, so it is no manifest: correct it, or skip the file"},
		{"no name", "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: x}\n",
			"all.yaml:1: it has no metadata.name: only what has a name can be compared"},
		{"unknown kind", "apiVersion: v1\nkind: Gadget\nmetadata: {name: x}\n",
			`all.yaml:1: kind "Gadget" of "v1" is not known: is its CustomResourceDefinition missing?`},
		{"kind of another group", "apiVersion: example.org/v1\nkind: ConfigMap\nmetadata: {name: x}\n",
			`all.yaml:1: kind "ConfigMap" of "example.org/v1" is not known: is its CustomResourceDefinition missing?`},
		{"twice in a file", one + "---\n" + one, "all.yaml:5: configmaps/one -n default is in all.yaml:1 too: remove one"},
		{"twice in two files", one + "== b.yaml\n" + strings.Replace(one, "one", "one, namespace: default", 1),
			"b.yaml:1: configmaps/one -n default is in all.yaml:1 too: remove one"},
		{"twice in a list",
			"apiVersion: v1\nkind: List\nitems: [" + item + ", " + item + "]\n",
			"all.yaml:1 item 2: configmaps/x -n default is in all.yaml:1 item 1 too: remove one"},
		{"item that is no map", "apiVersion: v1\nkind: List\nitems: [1]\n", "all.yaml:1: item 1 of the list is not a map"},
		{"null as an item", "apiVersion: v1\nkind: List\nitems: [~]\n", "all.yaml:1: item 1 of the list is not a map"},
		{"list of lists", "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: List, items: []}]\n",
			"all.yaml:1: item 1 of the list is a list: write its items out"},
		{"aliases of a long text", bomb,
			"all.yaml:1: it becomes more than 16 MiB by its YAML aliases (*name): write the values out"},
		{"aliases of aliases",
			"a: &a [" + strings.Repeat("x,", 100) + "]\nb: &b [" + strings.Repeat("*a,", 100) + "]\nc: &c [" +
				strings.Repeat("*b,", 100) + "]\nd: [" + strings.Repeat("*c,", 100) + "]\n", "all.yaml:1: it becomes more than 16 MiB by its YAML aliases (*name): write the values out"},
		{"utf-16", "\xff\xfea\x00", "all.yaml:1: it is not UTF-8 text: write it in UTF-8"},
		{"not utf-8", "a: \xff\n", "all.yaml:1: it is not UTF-8 text: write it in UTF-8"},
		{"odd end of a line", one + "data: {k: v}\n#\u2028---\na: b\n",
			"all.yaml:5: a line ends with U+0085, U+2028 or U+2029: end it with a newline, or write the character as an escape"},
		{"odd end of an indented line", "  a: b\n  c: d\u0085e: f\n",
			"all.yaml:2: a line ends with U+0085, U+2028 or U+2029: end it with a newline, or write the character as an escape"},
		{"too large", strings.Repeat("#", 32<<20+1), "all.yaml has more than 32 MiB: split it"},
		{"one error of each file", "a: {\n---\nb: {\n== c.yaml\nc: {\n",
			"all.yaml:1: it is not YAML: correct it\nc.yaml:1: it is not YAML: correct it"},
	} {
		_, err := diff.Files(t.Context(), fsOf(c.text), diff.Kinds(resources), diff.FileOptions{})
		if want := "read manifests: " + c.want; err == nil || err.Error() != want {
			t.Errorf("%s: the error is\n%v\nwant\n%s", c.name, err, want)
		}
	}
}

// An error must not show what may be a Secret's.
func TestErrorsKeepSecrets(t *testing.T) {
	for _, text := range []string{
		"stringData: {p: hunter2, p: hunter3}\n", "stringData: {hunter2: 1, hunter2: 2}\n", "p: !!float hunter2\n",
		"p: hunter2: x\n", "{\"p\": hunter2}\n", "\"hunter2\n",
	} {
		_, err := diff.Files(t.Context(), fsOf(text), diff.Kinds(resources), diff.FileOptions{})
		if err == nil || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%q: the error is %v", text, err)
		}
	}
}

func TestAliasesThatRepeatLittle(t *testing.T) {
	const text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, labels: &l {a: b}, annotations: *l}\ndata:\n  k: |\n    x = &a; *a\n"
	changes, _ := compare(t, files(t, text), files(t, strings.NewReplacer("&l ", "", "*l", "{a: b}").Replace(text)), diff.Options{})
	if len(changes) != 0 {
		t.Errorf("the changes are\n%s", said(changes))
	}
}

func TestFileOptions(t *testing.T) {
	const text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n== chart/values.yaml\na: b\n== chart/templates/y.yaml\n{{\n"
	side := filesWith(t, text, diff.FileOptions{
		Namespace: "shop",
		Skip:      func(name string) bool { return name == "chart/values.yaml" || name == "chart/templates" },
	})
	if got := entriesOf(t, side); got != "configmaps/x -n shop" {
		t.Errorf("there are %s", got)
	}
}

// A tree may hold other than files of manifests, and what can't be opened is told.
func TestFilesThatCanNotBeRead(t *testing.T) {
	if _, err := diff.Files(t.Context(), unreadable{fsOf("")}, diff.Kinds(nil), diff.FileOptions{}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("the error is %v", err)
	}
}

func TestFilesThatNobodyWaitsFor(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	cancel(enough)
	if _, err := diff.Files(ctx, fsOf(""), diff.Kinds(nil), diff.FileOptions{}); !errors.Is(err, enough) {
		t.Errorf("the error is %v", err)
	}
}

type unreadable struct{ fs.FS }

func (u unreadable) Open(name string) (fs.File, error) {
	if name == "all.yaml" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return u.FS.Open(name)
}

func TestFilesThatChangeMeanwhile(t *testing.T) {
	fsys := fstest.MapFS{"x.yaml": {Data: fmt.Appendf(nil, configMap, "x", "v")}}
	side, err := diff.Files(t.Context(), fsys, diff.Kinds(resources), diff.FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	fsys["x.yaml"] = &fstest.MapFile{Data: fmt.Appendf(nil, configMap, "other", "v")}
	changes, _ := compare(t, side, files(t, fmt.Sprintf(configMap, "x", "w")), diff.Options{})
	wantSaid(t, changes, "configmaps/x -n default failed: read side a: x.yaml:1: it is no longer there: compare again\n")
}

// A List of many objects is not read once for each of them.
func TestFilesAreReadOnce(t *testing.T) {
	var text strings.Builder
	for i := range 200 {
		fmt.Fprintf(&text, configMap, fmt.Sprint("n", i), "v")
	}
	opened := &counting{FS: fsOf(text.String())}
	side, err := diff.Files(t.Context(), opened, diff.Kinds(resources), diff.FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	opened.count = 0
	changes, _ := compare(t, side, files(t, strings.ReplaceAll(text.String(), "k: v", "k: w")), diff.Options{})
	if len(changes) != 200 || opened.count != 1 {
		t.Errorf("%d changes, the file was opened %d times", len(changes), opened.count)
	}
}

type counting struct {
	fs.FS
	count int
}

func (c *counting) Open(name string) (fs.File, error) {
	if name == "all.yaml" {
		c.count++
	}
	return c.FS.Open(name)
}

// The objects of two sides of files have hashes: of what is the same nothing is read.
func TestFilesHaveHashes(t *testing.T) {
	const text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {k: v}\n"
	const asJSON = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x","namespace":"default"},"data":{"k":"v"}}`
	_, summary := compare(t, files(t, text), files(t, asJSON), diff.Options{})
	if summary.Read != 0 || summary.Same != 1 {
		t.Errorf("the summary is %+v", *summary)
	}
}

// The API server drops the namespace of what belongs to none.
func TestNamespaceThatIsNone(t *testing.T) {
	const role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: x%s}\nrules: []\n"
	changes, _ := compare(t, files(t, fmt.Sprintf(role, ", namespace: shop")), files(t, fmt.Sprintf(role, "")), diff.Options{})
	wantSaid(t, changes, "")
}

// silent is a server that must not be asked.
type silent struct{ t *testing.T }

func (s silent) DryRun(context.Context, []byte, manifests.Level) (*manifests.Object, error) {
	s.t.Error("the server was asked about an object that the other side does not have")
	return nil, errors.New("not asked")
}

func TestObjectsOfOneSideAreAsWritten(t *testing.T) {
	side := filesWith(t, fmt.Sprintf(configMap, "x", "v"), diff.FileOptions{Server: silent{t}})
	changes, summary := compare(t, side, files(t, ""), diff.Options{})
	wantSaid(t, changes, "configmaps/x -n default removed\n")
	if got := unified(t, changes); !strings.Contains(got, "-  k: v\n") || summary.Read != 1 {
		t.Errorf("summary %+v, text\n%s", *summary, got)
	}
}
