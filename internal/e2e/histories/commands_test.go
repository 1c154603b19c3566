package histories

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/manifests"
)

// fine runs a command that has to succeed and to say nothing of errors, and gives what it prints.
func fine(t testing.TB, args ...string) string {
	t.Helper()
	o := command.Run(t, "", args...)
	if o.Code != 0 || o.Stderr != "" {
		t.Fatalf("clustersnap %s: exit %d\n%s%s", strings.Join(args, " "), o.Code, o.Stdout, o.Stderr)
	}
	return o.Stdout
}

// definition defines a kind with a status subresource. One may have the name of one of Kubernetes' own.
func definition(group, plural, kind string) map[string]any {
	return map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": plural + "." + group},
		"spec": map[string]any{
			"group": group, "scope": "Namespaced", "names": map[string]any{"plural": plural, "kind": kind},
			"versions": []any{map[string]any{
				"name": "v1", "served": true, "storage": true, "subresources": map[string]any{"status": map[string]any{}},
				"schema": map[string]any{"openAPIV3Schema": map[string]any{
					"type": "object", "x-kubernetes-preserve-unknown-fields": true,
				}},
			}},
		},
	}
}

// lost makes a custom resource and deletes its definition, and so the resource. It gives the answers to the writes.
func (p *place) lost(t testing.TB) (answers []answer) {
	treasures := schema.GroupVersionResource{Group: "lost.example.com", Version: "v1", Resource: "treasures"}
	kind := manifests.Resource{
		Group: treasures.Group, Version: "v1", Resource: "treasures", Kind: "Treasure", Namespaced: true, Status: true,
	}
	p.create(t, definitions, definition(treasures.Group, "treasures", kind.Kind))
	treasure := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "lost.example.com/v1", "kind": "Treasure", "metadata": map[string]any{"name": "g", "namespace": "shop"},
		"spec": map[string]any{"size": int64(1)},
	}}
	for ctx := stuck(t); len(answers) == 0; must(t, ctx.Err()) { // it is served a moment after its definition is there
		if made, err := p.client.Resource(treasures).Namespace("shop").Create(ctx, treasure, metav1.CreateOptions{}); err == nil {
			answers = append(answers, answerOf(t, made, kind))
		}
	}
	answers = append(answers, answerOf(t, p.patch(t, treasures, "shop", "g", `{"spec":{"size":2}}`), kind))
	p.remove(t, definitions, "", "treasures.lost.example.com")
	for ctx := stuck(t); ; must(t, ctx.Err()) {
		_, err := p.client.Resource(definitions).Get(ctx, "treasures.lost.example.com", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return answers
		}
	}
}

// commands runs those that take a snapshot or a tree.
func (p *place) commands(t *testing.T) {
	p.namespace(t, "shop")
	answers := p.lived(t, "shop", "c")
	p.create(t, configMaps, configMap("shop", "gone", "v"))
	p.remove(t, configMaps, "shop", "gone")
	p.patch(t, configMaps, "shop", "kube-root-ca.crt", `{"metadata":{"labels":{"app":"root"}}}`)
	p.create(t, secrets, map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "word", "namespace": "shop"},
		"stringData": map[string]any{"password": "hunter1"},
	})
	p.patch(t, secrets, "shop", "word", `{"stringData":{"password":"hunter2"}}`)
	p.create(t, definitions, definition("other.example.com", "services", "Service"))
	lost := p.lost(t)
	snap := p.save(t)
	dir := filepath.Join(t.TempDir(), "tree")
	p.dump(t, mkdir(t, dir))

	t.Run("ls", func(t *testing.T) { ls(t, snap, dir) })
	t.Run("get", func(t *testing.T) { get(t, snap, dir, answers) })
	t.Run("history", func(t *testing.T) { showHistory(t, snap, answers) })
	t.Run("what went with its definition", func(t *testing.T) { lostWithDefinition(t, snap, lost) })
	t.Run("export", func(t *testing.T) { export(t, snap, dir) })
	t.Run("diff", func(t *testing.T) { diffs(t, snap, dir, answers) })
	t.Run("what can't be done", func(t *testing.T) { refused(t, snap, dir) })
}

func mkdir(t testing.TB, dir string) string {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o700))
	return dir
}

var columns = regexp.MustCompile(` +`)

func ls(t *testing.T, snap, dir string) {
	for _, source := range []string{snap, dir} {
		got := columns.ReplaceAllString(fine(t, "ls", source, "-n", "shop", "cm"), " ")
		lines := strings.Split(strings.TrimSpace(got), "\n")
		if len(lines) != 3 || lines[0] != "NAMESPACE RESOURCE NAME REVISION CLASS" ||
			!strings.HasPrefix(lines[1], "shop configmaps c ") || !strings.HasSuffix(lines[1], " user") ||
			!strings.HasPrefix(lines[2], "shop configmaps kube-root-ca.crt ") {
			t.Errorf("of %s is listed\n%s", source, got)
		}
		o := command.Run(t, "", "ls", source, "-n", "shop", "-l", "app=root")
		lacks := strings.Contains(o.Stderr, "missing: *.dead.corpus.example.com: failed") // which a dump could not list
		if dumped := source == dir; o.Code != map[bool]int{true: 1}[dumped] || lacks != dumped {
			t.Errorf("ls %s: exit %d\n%s", source, o.Code, o.Stderr)
		}
		got = o.Stdout
		if !strings.Contains(got, "kube-root-ca.crt") || strings.Count(got, "\n") != 2 {
			t.Errorf("with a label, of %s is listed\n%s", source, got)
		}
		nothing(t, source, "-n", "shop", "deployments.apps")
	}
	var entries []manifests.Entry
	for line := range strings.Lines(fine(t, "ls", snap, "-o", "json")) {
		var e manifests.Entry
		must(t, json.Unmarshal([]byte(line), &e))
		entries = append(entries, e)
	}
	if len(entries) < 400 || entries[0].UID == "" || entries[0].Kind == "" {
		t.Errorf("%d entries, the first %+v", len(entries), entries[0])
	}
	if got := fine(t, "ls", snap, "--class", "terminating"); !strings.Contains(got, "corpus") {
		t.Errorf("of what is being deleted is listed\n%s", got)
	}
}

func get(t *testing.T, snap, dir string, answers []answer) {
	last := answers[len(answers)-1]
	for _, args := range [][]string{
		{snap, "configmap/c", "-n", "shop"}, {snap, "cm/c", "-n", "shop"}, {snap, "ConfigMap/c", "-n", "shop"},
		{snap, "configmaps.core/c", "-n", "shop"}, {dir, "configmaps/c", "-n", "shop"},
	} {
		if got := fine(t, append([]string{"get"}, args...)...); got != last.yaml {
			t.Errorf("get %v prints\n%swant\n%s", args, got, last.yaml)
		}
	}
	for _, a := range answers {
		if got := fine(t, "get", snap, "configmap/c", "-n", "shop", "--revision", a.revision); got != a.yaml {
			t.Errorf("at revision %s it is\n%swant\n%s", a.revision, got, a.yaml)
		}
	}
	// Whose name only one namespace has is found without it.
	if got := fine(t, "get", snap, "secret/word", "--show-secrets"); !strings.Contains(got, "password: aHVudGVyMg==") {
		t.Errorf("the Secret is printed as\n%s", got)
	}
	if got := fine(t, "get", snap, "namespace/shop", "--faithful"); !strings.Contains(got, "kubernetes.io/metadata.name: shop") {
		t.Errorf("the namespace is printed as\n%s", got)
	}
}

func showHistory(t *testing.T, snap string, answers []answer) {
	got := columns.ReplaceAllString(fine(t, "history", snap, "configmap/c", "-n", "shop"), " ")
	lines := strings.Split(strings.TrimSpace(got), "\n")
	if len(lines) != 8 || !strings.HasPrefix(lines[0], "configmaps/c -n shop, in etcd at /registry/configmaps/shop/c, revisions ") {
		t.Fatalf("the history is\n%s", got)
	}
	for i, want := range []string{
		answers[0].revision + " created 1 ", answers[1].revision + " changed 2 ", answers[2].revision + " changed 3 ", "",
		answers[3].revision + " created again 1 ", answers[4].revision + " changed 2 ",
	} {
		if !strings.HasPrefix(lines[2+i], want) {
			t.Errorf("line %d is %q, want %q", i, lines[2+i], want)
		}
	}
	if !strings.HasSuffix(lines[3], " data.k, metadata.labels") || !strings.HasSuffix(lines[4], " data.k") {
		t.Errorf("what changed is shown as\n%s", got)
	}
	got = fine(t, "history", snap, "configmap/c", "-n", "shop", "--diff")
	for _, want := range []string{"\n-  k: one\n+  k: two\n", "\n-  k: two\n+  k: three\n", "\n-  k: again\n+  k: at last\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("the differences do not have %q:\n%s", want, got)
		}
	}
	got = fine(t, "history", snap, "configmap/gone", "-n", "shop", "-o", "json")
	var last struct {
		What     string
		Revision int64
	}
	lines = strings.Split(strings.TrimSpace(got), "\n")
	must(t, json.Unmarshal([]byte(lines[len(lines)-1]), &last))
	if len(lines) != 2 || last.What != "deleted" || last.Revision == 0 {
		t.Errorf("of what is gone the history is\n%s", got)
	}
	got = fine(t, "history", snap, "secret/word", "--diff")
	if !strings.Contains(got, "data.password") || strings.Contains(got, "aHVudGVy") || !strings.Contains(got, `+  password: "*** (after)"`) {
		t.Errorf("of a Secret the history is\n%s", got)
	}
}

func lostWithDefinition(t *testing.T, snap string, answers []answer) {
	got := columns.ReplaceAllString(fine(t, "history", snap, "treasure/g", "-n", "shop"), " ")
	for _, want := range []string{answers[0].revision + " created 1 ", answers[1].revision + " changed 2 ", " deleted 0 "} {
		if !strings.Contains(got, want) {
			t.Errorf("the history has no %q:\n%s", want, got)
		}
	}
	if got := fine(t, "get", snap, "treasure/g", "-n", "shop", "--revision", answers[1].revision); got != answers[1].yaml {
		t.Errorf("the object was\n%swant\n%s", got, answers[1].yaml)
	}
	command.Bad(t, command.Run(t, "", "get", snap, "treasure/g", "-n", "shop"), 1, `no kind "treasure"`)
}

func export(t *testing.T, snap, dir string) {
	to := filepath.Join(t.TempDir(), "exported")
	command.Good(t, command.Run(t, "", "export", snap, to, "--secrets", "include"))
	// As the live dump has it, but for the kinds that etcd has in another version.
	differ, count := map[string]bool{}, 0
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		name, err := filepath.Rel(dir, path)
		must(t, err)
		want, err := os.ReadFile(path)
		must(t, err)
		got, err := os.ReadFile(filepath.Join(to, name))
		if count++; err != nil || string(got) != string(want) {
			differ[filepath.Base(filepath.Dir(path))] = true
		}
		return nil
	}))
	t.Logf("%d files, of which those of %v differ", count, differ)
	for kind := range differ {
		switch kind {
		case "clustertrustbundles.certificates.k8s.io", "devicetaintrules.resource.k8s.io", "leases.coordination.k8s.io":
		default:
			t.Errorf("%s are not as in a dump", kind)
		}
	}
	if count < 300 {
		t.Errorf("%d files were compared", count)
	}
}

func diffs(t *testing.T, snap, dir string, answers []answer) {
	same := []string{"manifests", "diff", "--etcd-prefix", "/registry"}
	const nothing = " the same, 0 added, 0 removed, 0 changed, 0 failed"
	if o := command.Run(t, "", append(same, snap, snap)...); o.Code != 0 || o.Stdout != "" || !strings.Contains(o.Stderr, nothing) {
		t.Errorf("of one snapshot twice: exit %d\n%s%s", o.Code, o.Stdout, o.Stderr)
	}
	if o := command.Run(t, "", append(same, "--restored", snap, snap)...); o.Code != 0 {
		t.Errorf("by content: exit %d\n%s%s", o.Code, o.Stdout, o.Stderr)
	}
	o := command.Run(t, "", append(same, fmt.Sprint(snap, "@", answers[3].revision), snap, "-n", "shop")...)
	if o.Code != 1 || !strings.Contains(o.Stdout, "\n-  k: again\n+  k: at last\n") || strings.Contains(o.Stdout, "hunter") ||
		!strings.Contains(o.Stderr, " 1 added, 0 removed, 2 changed") {
		t.Errorf("of two revisions: exit %d\n%s%s", o.Code, o.Stdout, o.Stderr)
	}
	// What the tree could not see, since no version of it is served, is not told as made.
	o = command.Run(t, "", append(same, dir, snap)...)
	if o.Code != 2 || !strings.Contains(o.Stderr, " 0 added, 0 removed, 0 changed, 1 failed") ||
		!strings.Contains(o.Stdout, "secrecies") {
		t.Errorf("of a tree: exit %d\n%s%s", o.Code, o.Stdout, o.Stderr)
	}
}

func refused(t *testing.T, snap, dir string) {
	text := filepath.Join(t.TempDir(), "text")
	must(t, os.WriteFile(text, []byte("no snapshot\n"), 0o600))
	whole, err := os.ReadFile(snap)
	must(t, err)
	cut := filepath.Join(t.TempDir(), "cut.snap")
	must(t, os.WriteFile(cut, whole[:len(whole)/2], 0o600))
	empty := t.TempDir()
	for _, c := range []struct {
		args []string
		code int
		says []string
	}{
		{[]string{"ls", text}, 1, []string{"text", "snapshot"}},
		{[]string{"ls", cut}, 1, []string{"cut.snap"}},
		{[]string{"get", cut, "cm/c", "-n", "shop"}, 1, []string{"cut.snap"}},
		{[]string{"export", cut, filepath.Join(empty, "x")}, 1, []string{"cut.snap"}},
		{[]string{"ls", filepath.Join(empty, "none")}, 1, []string{"no such file"}},
		{[]string{"ls", empty}, 1, []string{"index.json", "manifests dump"}},
		{[]string{"ls", snap, "--etcd-prefix", "/elsewhere"}, 1, []string{"/elsewhere", "--etcd-prefix"}},
		{[]string{"ls", snap, "--revision", "99999999"}, 1, []string{"newer than the snapshot"}},
		{[]string{"ls", snap, "-l", "a in"}, 1, []string{"label selector"}},
		{[]string{"ls", snap, "services"}, 1, []string{`"services" may be services, services.other.example.com`, "services.core"}},
		{[]string{"get", snap, "Service/kubernetes"}, 1, []string{"services.other.example.com"}},
		{[]string{"ls", snap, "configs"}, 1, []string{`no kind "configs"`, "configmaps"}},
		{[]string{"ls", dir, "--revision", "5"}, 2, []string{"--revision", "directory"}},
		{[]string{"get", snap, "c"}, 2, []string{"KIND/NAME"}},
		{[]string{"get", snap, "cm/none", "-n", "shop"}, 1, []string{"no configmaps/none -n shop"}},
		{[]string{"get", snap, "cm/kube-root-ca.crt"}, 1, []string{"default", "kube-system", "-n"}},
		{[]string{"get", snap, "secret/word", "-n", "shop"}, 1, []string{"--show-secrets"}},
		{[]string{"history", snap, "cm/none", "-n", "shop"}, 1, []string{"no trace of configmaps/none -n shop"}},
		{[]string{"history", dir, "cm/c", "-n", "shop"}, 1, []string{"snapshot"}},
		{[]string{"get", snap, "cm/c", "--encryption-config", text}, 1, []string{"text"}},
		{[]string{"manifests", "diff", snap + "@99999999", snap}, 2, []string{"newer than the snapshot"}},
		{[]string{"manifests", "diff", text, snap}, 2, []string{"text"}},
	} {
		o := command.Run(t, "", c.args...)
		t.Run(strings.Join(c.args[:2], " "), func(t *testing.T) { command.Bad(t, o, c.code, c.says...) })
	}
}
