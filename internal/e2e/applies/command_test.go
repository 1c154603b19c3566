package applies

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/ondisk"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/apply"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// recover runs the command on the node.
func (p *place) recover(t testing.TB, args ...string) command.Outcome {
	t.Helper()
	return command.RunOn(t, p.node, append([]string{"recover", "--kubeconfig", p.node.Kubeconfig()}, args...)...)
}

// says holds that a command has succeeded and printed each of the lines, of which the parts are given.
func says(t testing.TB, o command.Outcome, lines ...string) {
	t.Helper()
	command.Good(t, o)
	for _, want := range lines {
		parts := strings.Split(want, "|")
		if !slices.ContainsFunc(strings.Split(o.Stdout, "\n"), func(line string) bool {
			return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) })
		}) {
			t.Errorf("no line says %q:\n%s", want, o.Stdout)
		}
	}
}

// told reads what a command has said for a program.
func told(t testing.TB, o command.Outcome, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(o.Stdout), v); err != nil || o.Code != 0 {
		t.Errorf("exit %d, %v:\n%s%s", o.Code, err, o.Stdout, o.Stderr)
	}
}

// tool is what a user sees of it.
func tool(t *testing.T, p *place) {
	p.make(t, things, "NS", "tool")
	snapshot, dir := ondisk.Snapshot(t, p.node.EtcdClient(t)), t.TempDir()
	p.save(t, dir, tree.Options{}, manifests.Options{})

	p.edited(t, "tool")
	p.delete(t, "configmaps", "tool", "same")
	before := p.versions(t)
	says(t, p.recover(t, snapshot, "-n", "tool"), "create |configmaps/same -n tool", "skip |secrets/one -n tool: data.password: ",
		"plan |1 create, 1 unchanged, 4 skip", "nothing was written")
	var plan apply.Plan
	told(t, p.recover(t, snapshot, "-n", "tool", "-o", "json"), &plan)
	if len(plan.Steps) != 6 || plan.Writes() != 1 {
		t.Errorf("for a program the plan is %+v", plan.Steps)
	}
	says(t, p.recover(t, snapshot, "-n", "tool", "-l", "app=web", "--policy", "replace"),
		"replace |configmaps/one -n tool: data.added, data.mode", "plan |1 replace")
	fromTree := p.recover(t, dir, "-n", "tool", "-l", "app=web", "--policy", "force")
	command.Bad(t, fromTree, 1, "secrets/one -n tool is not brought back", "the content of this Secret was not kept")
	if !strings.Contains(fromTree.Stdout, "configmaps/one -n tool: data.mode\nplan      1 update") {
		t.Errorf("from the tree:\n%s", fromTree.Stdout)
	}
	for key, version := range p.versions(t) {
		if before[key] != version {
			t.Errorf("%s was written without --yes", key)
		}
	}
	says(t, p.recover(t, snapshot, "-n", "tool", "--yes"), "done |1 object written")
	p.get(t, "configmaps", "tool", "same")
	var result apply.Result
	told(t, p.recover(t, dir, "cm/one", "-n", "tool", "--policy", "replace", "--yes", "-o", "json"), &result)
	if len(result.Outcomes) != 1 || result.Outcomes[0].State != apply.Done {
		t.Errorf("for a program the result is %+v", result.Outcomes)
	}
	data, _, _ := unstructured.NestedStringMap(p.get(t, "configmaps", "tool", "one").Object, "data")
	if data["mode"] != "on" || data["added"] != "" {
		t.Errorf("the ConfigMap has %v", data)
	}
	if image := imageOf(p.get(t, "deployments.v1.apps", "tool", "one")); image != "example.com/web:2" {
		t.Error("the Deployment was touched, which was not named")
	}
	command.Bad(t, p.recover(t, snapshot, "-n", "tool", "--policy", "fail", "--yes"), 1,
		"the cluster has other objects than were saved")
	command.Bad(t, p.recover(t, snapshot, "-n", "tool", "--policy", "update"), 1, "objects can't be brought back as things are")
	command.Bad(t, p.recover(t, snapshot, "-n", "tool", "--policy", "update", "--yes"), 1, "3 objects not brought back")
	for _, args := range [][]string{{snapshot}, {snapshot, "cm/one", "--all"}, {snapshot, "one"}, {}} {
		command.Bad(t, p.recover(t, args...), 2)
	}
	command.Bad(t, p.recover(t, snapshot, "-n", "none"), 1, `there is no namespace "none" in it`)
	command.Bad(t, p.recover(t, snapshot, "cm/none", "-n", "tool"), 1, "there is no configmaps/none -n tool")
	if _, err := p.at("configmaps", "tool").Get(stuck(t), "none", metav1.GetOptions{}); err == nil {
		t.Error("it was made")
	}
}
