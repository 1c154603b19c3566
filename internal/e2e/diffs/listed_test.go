package diffs

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/manifests"
)

// All that is in a namespace is what kubectl finds when it is asked for each resource that it knows by name.
func TestEverythingInANamespace(t *testing.T) {
	p := newPlace(t)
	p.apply(t)
	for _, args := range [][]string{
		{"-n", "shop", "create", "configmap", "prices", "--from-literal=apple=1"},
		{"-n", "shop", "create", "secret", "generic", "pin", "--from-literal=p=hunter1"},
		{"-n", "shop", "create", "role", "reader", "--verb=list", "--resource=configmaps"},
		{"-n", "shop", "create", "rolebinding", "reader", "--role=reader", "--user=reader"},
	} {
		if out, code := p.kubectl(t, args...); code != 0 {
			t.Fatalf("%q: %s", args, out)
		}
	}
	// Controllers go on making objects in it for a moment: the same before and after is what there was in between.
	var want, got []string
	for ctx, quiet := stuck(t), false; !quiet; must(t, ctx.Err()) {
		want = p.byKubectl(t, "shop")
		got = listed(t, p.command(t, "ls", "live", "-n", "shop", "-o", "json"))
		quiet = slices.Equal(want, p.byKubectl(t, "shop"))
	}
	if !slices.Equal(want, got) {
		t.Errorf("kubectl has\n%s\nlisted are\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"))
	}

	one := p.command(t, "get", "live", "cm/prices", "-n", "shop")
	if one.Code != 0 || !strings.Contains(one.Stdout, "apple: \"1\"") || strings.Contains(one.Stdout, "managedFields") {
		t.Errorf("get: exit %d\n%s%s", one.Code, one.Stdout, one.Stderr)
	}
	command.Bad(t, p.command(t, "get", "live", "secret/pin", "-n", "shop"), 1, "give --show-secrets")
	command.Bad(t, p.command(t, "ls", "live", "-n", "shpo"), 1, `there is no namespace "shpo"`)
	command.Bad(t, p.command(t, "ls", "live", "--revision", "7"), 2, "it is the cluster")
	if o := p.command(t, "ls", "live", "deploy", "-n", "shop"); o.Code != 0 || strings.Count(o.Stdout, "\n") != 2 {
		t.Errorf("the Deployments are\n%s%s", o.Stdout, o.Stderr)
	}

	// Who may not list all of it is told what is missing.
	o := p.as(t, "reader", "ls", "live", "-n", "shop", "-o", "json")
	few := []string{"ConfigMap/kube-root-ca.crt", "ConfigMap/prices", "ConfigMap/settings"}
	if got := listed(t, o); !slices.Equal(got, few) || o.Code != 1 {
		t.Errorf("exit %d, somebody who may list ConfigMaps sees %q", o.Code, got)
	}
	for _, want := range []string{"missing: secrets", "missing: deployments.apps", "forbidden"} {
		if !strings.Contains(o.Stderr, want) {
			t.Errorf("it does not say %q:\n%s", want, o.Stderr)
		}
	}
}

// byKubectl are the objects in a namespace, KIND/NAME each, in order.
func (p *place) byKubectl(t testing.TB, namespace string) (all []string) {
	t.Helper()
	out, code := p.kubectl(t, "api-resources", "--namespaced", "--verbs=list", "-o", "name")
	if code != 0 {
		t.Fatal(out)
	}
	resources := slices.DeleteFunc(strings.Fields(out), func(r string) bool { return r == "events" }) // are those of events.k8s.io
	out, code = p.kubectl(t, "get", strings.Join(resources, ","), "-n", namespace,
		"-o", `jsonpath={range .items[*]}@{.kind}/{.metadata.name}{"\n"}{end}`)
	if code != 0 {
		t.Fatal(out)
	}
	for line := range strings.Lines(out) {
		if object, ok := strings.CutPrefix(line, "@"); ok { // else it is a warning
			all = append(all, strings.TrimSpace(object))
		}
	}
	slices.Sort(all)
	return all
}

// listed are the objects that the command has listed, as byKubectl has them.
func listed(t testing.TB, o command.Outcome) (all []string) {
	t.Helper()
	for line := range strings.Lines(o.Stdout) {
		var e manifests.Entry
		must(t, json.Unmarshal([]byte(line), &e))
		all = append(all, e.Kind+"/"+e.Name)
	}
	slices.Sort(all)
	return all
}

// command runs the command with all rights.
func (p *place) command(t testing.TB, args ...string) command.Outcome {
	t.Helper()
	return command.RunOn(t, p.node, append(args, "--kubeconfig", p.node.Kubeconfig())...)
}

// as runs it as somebody else.
func (p *place) as(t testing.TB, user string, args ...string) command.Outcome {
	t.Helper()
	text, err := os.ReadFile(p.node.Kubeconfig())
	must(t, err)
	other := filepath.Join(t.TempDir(), "kubeconfig")
	must(t, os.WriteFile(other, []byte(strings.Replace(string(text), "  user:\n", "  user:\n    as: "+user+"\n", 1)), 0o600))
	return command.RunOn(t, p.node, append(args, "--kubeconfig", other)...)
}
