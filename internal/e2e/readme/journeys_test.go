package readme

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/internal/e2e/kubecluster"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
)

// A new user's first ten minutes come first, from a fresh clone and with README.md alone. Then the cluster loses a namespace,
// its control plane, and its machine.
func TestCluster(t *testing.T) {
	here := desk(t)
	c := kubecluster.Start(t, kubecluster.Options{Spares: 1})
	j := &journeys{T: t, cluster: c, blocks: blocks(t, here.files), machines: map[string]*machine{
		"desk": here, "cp1": ofNode(c.Nodes[0]), "cp2": ofNode(c.Spares[0]),
	}}
	j.inTurn("kubeadm")
}

// Volumes want a driver.
func TestVolumes(t *testing.T) {
	node := bed.ControlPlane(t, bed.Options{})
	b := csibed.Start(t, node, csibed.Options{})
	for _, name := range []string{"shop", "shop-again"} {
		b.Namespace(t, name)
	}
	b.Claims(t, "shop", b.Drivers[0].Name, "data")
	csi := ofControlPlane(t, node)
	must(t, os.MkdirAll(filepath.Join(csi.files, "bin"), 0o755))
	must(t, os.Symlink(command.Path(t), filepath.Join(csi.files, "bin/clustersnap")))
	j := &journeys{T: t, machines: map[string]*machine{"csi": csi}, blocks: blocks(t, repository())}
	j.inTurn("csi")
}

// journeys are the scripts that run on machines.
type journeys struct {
	*testing.T
	cluster  *kubecluster.Cluster // nil where nodes are not
	machines map[string]*machine
	blocks   []block
}

// scripts are those of a folder of testdata.
func scripts(t testing.TB, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.txtar"))
	must(t, err)
	if len(files) == 0 {
		t.Fatalf("testdata/%s has no scripts", folder)
	}
	return files
}

// inTurn runs scripts one after the other, each where the one before has left the machines, up to one that fails.
func (j *journeys) inTurn(folder string) {
	testscript.RunT(inTurn{j.T}, testscript.Params{
		Files: scripts(j, folder),
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"run": j.run, "on": j.on, "carry": j.carry, "sigkill": j.sigkill, "cut": j.cut, "replace": j.replace,
		},
	})
}

// inTurn is a test of which the parts wait for each other.
type inTurn struct{ *testing.T }

func (inTurn) Parallel()     {}
func (inTurn) Verbose() bool { return testing.Verbose() }
func (t inTurn) Run(name string, f func(testscript.T)) {
	if !t.T.Run(name, func(t *testing.T) { f(inTurn{t}) }) {
		t.FailNow()
	}
}

// machine is the one that an argument names.
func (j *journeys) machine(ts *testscript.TestScript, name string) *machine {
	m := j.machines[name]
	if m == nil {
		ts.Fatalf("there is no machine %q", name)
	}
	return m
}

// run runs a block of README.md.
func (j *journeys) run(ts *testscript.TestScript, neg bool, args []string) {
	b, ok := find(j.blocks, strings.Join(args[1:], " "))
	if !ok {
		ts.Fatalf("README.md has no such block")
	}
	j.shell(ts, neg, j.machine(ts, args[0]), b.text)
}

// on runs a command.
func (j *journeys) on(ts *testscript.TestScript, neg bool, args []string) {
	for i, a := range args {
		args[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
	}
	j.shell(ts, neg, j.machine(ts, strings.Trim(args[0], "'")), strings.Join(args[1:], " "))
}

// shell runs text, which has to fail if neg is set.
func (j *journeys) shell(ts *testscript.TestScript, neg bool, m *machine, text string) {
	cmd := m.shell(trial.Context(j), text)
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	switch {
	case err != nil && !neg:
		ts.Fatalf("%v", err)
	case err == nil && neg:
		ts.Fatalf("it has succeeded")
	}
}

func (j *journeys) carry(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(carry(j.machine(ts, args[0]), j.machine(ts, args[1]), args[2:]))
}

func (j *journeys) sigkill(ts *testscript.TestScript, _ bool, args []string) {
	for _, program := range args[1:] {
		ts.Check(j.machine(ts, args[0]).node.Kill(program))
	}
}

func (j *journeys) cut(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(j.machine(ts, args[0]).node.PowerCut())
}

func (j *journeys) replace(ts *testscript.TestScript, _ bool, args []string) {
	j.cluster.Replace(j, j.machine(ts, args[0]).node)
}
